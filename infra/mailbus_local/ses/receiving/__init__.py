"""Email receiving: SMTP, receipt rules and their actions."""
