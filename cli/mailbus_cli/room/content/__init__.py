"""Mail content made safe to look at, and what mail programs will object to. Pure, and it never raises.

Mail is hostile input: of any size, in any encoding, malformed on purpose. All of these modules take bytes or
text and return values; none of them touches the network, a file or a clock.
"""
