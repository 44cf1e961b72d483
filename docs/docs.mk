# What documents show of the code, rendered from the code; a test holds that it is up to date.

.PHONY: docs
docs: $(READY) ## Render the tables of README and docs
	$(BIN)/python -m tests.project.settings_table
