"""The sender: a send job from SQS becomes a mail at SES, and `email.queued` on the bus."""
