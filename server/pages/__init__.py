"""The pages people look at: templates, styles, small ES modules, and every text in two languages."""
