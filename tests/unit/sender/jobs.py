"""Jobs as applications write them."""

from __future__ import annotations

from typing import Any


def letter(to: str | list[str] = "ann", **fields: Any) -> dict[str, Any]:
    """Write a job; recipients are given by their names. None leaves a field out."""
    names = [to] if isinstance(to, str) else to
    job = {
        "job_id": f"job-{names[0]}",
        "from_email": "Example Shop <hello@example.com>",
        "to": [f"{name}@example.org" for name in names],
        "subject": "Willkommen, Jürgen",
        "text": "Your order is on its way.",
    } | fields
    return {name: value for name, value in job.items() if value is not None}


def people(count: int) -> list[str]:
    return [f"c{number}" for number in range(count)]


def newsletter(count: int | list[str], **fields: Any) -> dict[str, Any]:
    """Write a merge for so many recipients, `c0`, `c1` and so on, each with its own metadata."""
    names = people(count) if isinstance(count, int) else count
    metadata = {f"{name}@example.org": {"customer": name} for name in names}
    return {"to": names, "job_id": "job-news", "merge_metadata": metadata, **fields}


def invoice(key: str = "17.pdf", bucket: str = "shop-invoices") -> dict[str, Any]:
    """Write an attachment that is in S3."""
    return {
        "filename": "17.pdf",
        "content_type": "application/pdf",
        "s3": {"bucket": bucket, "key": key},
    }
