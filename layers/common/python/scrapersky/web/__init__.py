"""The web client and the readers of what it fetches. All input is untrusted; depends on settings and errors only."""
