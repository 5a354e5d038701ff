"""The local run: the real stack on an emulated AWS, a real Postgres and a small internet, all on loopback."""
