//! The environment, which only changes defaults.
//!
//! An empty variable counts as not set. A variable that cannot be read as what it should be gives a warning and the
//! built-in default, so that a wrong key in a ConfigMap does not stop the controller; only where no default is harmless
//! (`Environment::parsed`) it is an error.

use super::SettingsError;
use crate::core::{duration::GoDuration, foreign::ForeignText};

/// Reads variables, and collects what to warn about.
pub(super) struct Environment<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    warnings: Vec<String>,
}

impl<'a> Environment<'a> {
    pub(super) fn new(read: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            read,
            warnings: Vec::new(),
        }
    }

    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    pub(super) fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    /// Any text but the empty one.
    pub(super) fn text(&self, variable: &str) -> Option<String> {
        (self.read)(variable).filter(|text| !text.is_empty())
    }

    /// `true` or `false`, in any letter case.
    pub(super) fn boolean(&mut self, variable: &str) -> Option<bool> {
        let text = self.text(variable)?;
        match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.ignored(variable, &text, "it must be true or false");
                None
            }
        }
    }

    /// A Go duration.
    pub(super) fn duration(&mut self, variable: &str, default: GoDuration) -> Option<GoDuration> {
        let text = self.text(variable)?;
        text.parse()
            .inspect_err(|_| {
                self.ignored(
                    variable,
                    &text,
                    &format!("it must be a duration such as 1h30m; {default} is used"),
                );
            })
            .ok()
    }

    /// A decimal number from `least` to `most`.
    pub(super) fn integer<T: TryFrom<u64>>(&mut self, variable: &str, least: u64, most: u64) -> Option<T> {
        let text = self.text(variable)?;
        let number = text
            .parse::<u64>()
            .ok()
            .filter(|number| (least..=most).contains(number));
        let number = number.and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.ignored(variable, &text, &format!("it must be a number from {least} to {most}"));
        }
        number
    }

    /// What `parse` makes of it; an error stops the start.
    pub(super) fn parsed<T, E: ToString>(
        &self,
        variable: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(text) = self.text(variable) else {
            return Ok(None);
        };
        parse(&text).map(Some).map_err(|error| SettingsError::Variable {
            variable,
            text: ForeignText::new(&text),
            reason: error.to_string(),
        })
    }

    /// Whether Events are off. The old variable is named after events and turns them *off*; that meaning stays.
    pub(super) fn events_disabled(&mut self) -> Option<bool> {
        let disabled = self.boolean("IMAGE_UPDATER_KUBE_EVENTS");
        let wanted = self.boolean("IMAGE_UPDATER_CREATE_KUBE_EVENTS");
        if let (Some(disabled), Some(wanted)) = (disabled, wanted)
            && disabled == wanted
        {
            self.warn(format!(
                "IMAGE_UPDATER_KUBE_EVENTS={disabled} and IMAGE_UPDATER_CREATE_KUBE_EVENTS={wanted} contradict each \
                 other (true means off in the first one): the second one counts"
            ));
        }
        wanted.map(|wanted| !wanted).or(disabled)
    }

    fn ignored(&mut self, variable: &str, text: &str, reason: &str) {
        let text = ForeignText::new(text);
        self.warn(format!(
            "the environment variable {variable} is {text:?} and is ignored: {reason}"
        ));
    }
}
