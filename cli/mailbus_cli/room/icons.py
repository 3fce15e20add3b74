"""The icons of the pages, drawn by lines in a square of 16."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

_CIRCLE: Final = '<circle cx="8" cy="8" r="6"/>'
ICONS: Final = {
    "again": '<path d="M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3"/>',
    "back": '<path d="m10 3-5 5 5 5"/>',
    "clip": '<path d="m12.5 7-4.8 4.8a2.6 2.6 0 0 1-3.7-3.7l5-5a1.7 1.7 0 0 1 2.5 2.4L6.6 10.4"/>',
    "clock": f'{_CIRCLE}<path d="M8 4.5V8l2.5 1.5"/>',
    "code": '<path d="m5 4-4 4 4 4M11 4l4 4-4 4"/>',
    "copy": '<rect x="5.5" y="5.5" width="8" height="8" rx="1"/><path d="M10.5 3.5v-1h-8v8h1"/>',
    "cross": '<path d="m4 4 8 8M12 4l-8 8"/>',
    "dots": '<circle cx="8" cy="8" r="6" stroke-dasharray="2.4 2.3"/>',
    "down": '<path d="m3 6 5 5 5-5"/>',
    "download": '<path d="M8 2v8M4.5 7 8 10.5 11.5 7M3 13.5h10"/>',
    "eye": '<path d="M1.5 8s2.4-4.5 6.5-4.5S14.5 8 14.5 8 12.1 12.5 8 12.5 1.5 8 1.5 8z"/>'
    '<circle cx="8" cy="8" r="2"/>',
    "flag": '<path d="M3.5 14V2.5h8L10 5.5l1.5 3h-8"/>',
    "hand": '<path d="m5 2 .2 10L8 9.6l1.6 3.6 1.9-.8L10 9l3.5-.2z"/>',
    "inbox": '<path d="M1.5 9.5 3.5 3h9l2 6.500V13h-13zM1.5 9.500h4l1 1.500h3l1-1.500h4"/>',
    "letters": '<path d="M8 2 1.5 13.500h13zM8 6.500v3M8 11.500v.2"/>',
    "lock": '<rect x="3" y="7" width="10" height="7" rx="1"/><path d="M5 7V5a3 3 0 0 1 6 0v2"/>',
    "mail": '<rect x="1.5" y="3" width="13" height="10" rx="1.5"/><path d="m2 4 6 5 6-5"/>',
    "no": f'{_CIRCLE}<path d="m3.8 12.200 8.400-8.400"/>',
    "overview": '<path d="M1 8h3l2-5 3.5 10L11.5 8H15"/>',
    "pause": '<path d="M5.5 3v10M10.5 3v10"/>',
    "plane": '<path d="M14.5 1.5 1.5 7l4.5 2.500L8.5 14zM14.5 1.5 6 9.5"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "question": f'{_CIRCLE}<path d="M6.3 6.300a1.8 1.8 0 1 1 2.5 1.600c-.6.3-.8.6-.8 1.200M8 11v.2"/>',
    "reply": '<path d="M6 3 2 7l4 4M2 7h7a4 4 0 0 1 4 4v2"/>',
    "return": '<path d="M6 3 2 7l4 4M2 7h7a4 4 0 0 1 4 4v2"/>',
    "ring": f'{_CIRCLE}<path d="M5.5 8h5"/>',
    "search": '<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3.5 3.5"/>',
    "sliders": '<path d="M1.5 4h8M13 4h1.500M1.5 8h2M7 8h7.500M1.5 12h7M12 12h2.5"/>'
    '<circle cx="11" cy="4" r="1.5"/><circle cx="5" cy="8" r="1.5"/><circle cx="10" cy="12" r="1.5"/>',
    "tick": '<path d="m3 8.5 3.5 3.500L13 4.5"/>',
    "trash": '<path d="M2.500 4.5h11M6 4.500v-2h4v2M4 4.500l.7 9h6.600l.7-9"/>',
    "up": '<path d="m3 10 5-5 5 5"/>',
    "warning": '<path d="M8 2 1.5 13.500h13zM8 6.500v3M8 11.500v.2"/>',
}


def icon(name: str) -> Markup:
    """Return an icon, which screen readers pass over: what it means is said beside it."""
    lines = ICONS.get(name, ICONS["dots"])
    return Markup(f'<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">{lines}</svg>')  # noqa: S704 - of this module
