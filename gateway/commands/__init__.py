"""The commands of `gateway`, one file each: what a person asks of a gateway from a shell."""
