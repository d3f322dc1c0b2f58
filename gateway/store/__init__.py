"""The store: tables and what is asked of them. SQLite or PostgreSQL; only the control process and the CLI come here."""
