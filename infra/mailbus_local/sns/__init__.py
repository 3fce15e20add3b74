"""SNS over HTTPS on this machine: adds signatures and HTTP(S) deliveries to MiniStack's SNS."""
