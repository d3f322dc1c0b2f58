"""How many tokens a conversation has: exactly where the model's encoding is known, else by the nearest one."""
