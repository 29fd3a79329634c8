"""The water side: what stands at each water, who is told when, who went, who patrolled."""
