"""Chaos: the real handlers over a real Postgres, on a strict simulator of SQS and Lambda, with everything going wrong."""
