"""A quota of AWS, and what mails a second need of it. Nothing here needs the CDK."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """A quota of an account in a region; a limit that AWS has outside Service Quotas has no `code`.

    `default` is its value where `by_region` has none. `per_mail` is what a mail uses of it, and
    `per_mail_in_timeline` what it uses besides with a timeline; both are 0 if it does not grow with the mails
    a second. `only` names the mails that use it, if not all do. `granted` is true if AWS sets the value for
    each account, so that the default is only the first one. `table` is the output that names the table whose
    limit it is, if that can be raised by its warm throughput. `beyond` is what happens if it is used up.
    """

    name: str
    title: str
    service: str
    code: str | None = None
    default: float
    by_region: Mapping[str, float] = {}
    per_mail: float = 0.0
    per_mail_in_timeline: float = 0.0
    uses: str
    only: str | None = None
    granted: bool = False
    table: str | None = None
    beyond: str
    source: str

    def default_in(self, region: str) -> float:
        """Return the value that a new account has in a region."""
        return self.by_region.get(region, self.default)

    def used_by_a_mail(self, *, timeline: bool) -> float:
        """Return what a mail uses, with or without a timeline."""
        return self.per_mail + (self.per_mail_in_timeline if timeline else 0.0)

    def increase(self, value: float, region: str) -> str | None:
        """Return the command that raises it to a value; None if there is none."""
        if self.table is not None:
            return (
                f"aws dynamodb update-table --table-name {self.table} --warm-throughput"
                f" WriteUnitsPerSecond={value:.0f} --region {region}"
            )
        if self.code is None:
            return None
        return (
            f"aws service-quotas request-service-quota-increase --service-code {self.service}"
            f" --quota-code {self.code} --desired-value {value:.0f} --region {region}"
        )


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What mails a second need of a quota: `needed` of `limit`, which is enough for `most` mails a second.

    `needed` and `most` are None if the quota does not grow with the mails. `is_default` is true if `limit` is
    the region's default, and not known to be the account's own value.
    """

    quota: Quota
    region: str
    limit: float
    is_default: bool
    needed: float | None = None
    most: float | None = None

    @property
    def fits(self) -> bool | None:
        """Whether there is enough; None if only some mails use it, or nobody knows what the account has."""
        if self.needed is None or self.quota.only is not None or (self.quota.granted and self.is_default):
            return None
        return self.needed <= self.limit

    @property
    def command(self) -> str | None:
        """The command that raises it to what is needed; None if there is none."""
        return None if self.needed is None else self.quota.increase(self.needed, self.region)
