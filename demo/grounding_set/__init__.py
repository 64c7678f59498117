"""What the pages of a grounding set share: questions and answers, routes, pictures."""
