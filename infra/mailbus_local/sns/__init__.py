"""SNS over HTTPS on this machine: MiniStack's SNS, and what that lacks of signing and delivering."""
