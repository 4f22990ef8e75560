//! Edits of YAML text that leave every other byte alone.
