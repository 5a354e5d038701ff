"""migrate: upgrades the database's schema as part of the deployment."""
