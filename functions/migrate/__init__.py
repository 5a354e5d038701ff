"""migrate: brings the database's schema up to date, as part of the deployment."""
