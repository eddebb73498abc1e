"""The demonstration: the life of a subscription in a few seconds, told as data (`story`), played and shown."""
