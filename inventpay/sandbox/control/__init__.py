"""The sandbox's own routes under /sandbox/, which play the payer, the chain and the payout desk."""
