//! Operating system and architecture of an image.

use std::{fmt, str::FromStr};

use crate::core::foreign::ForeignText;

/// `os/arch[/variant]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platform {
    /// The operating system, `linux`.
    pub os: String,
    /// The architecture, `amd64`.
    pub arch: String,
    /// The variant, `v7`; empty when there is none.
    pub variant: String,
}

/// A text that is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a platform (example: linux/arm64, linux/arm/v7)")]
pub struct InvalidPlatform {
    text: ForeignText,
}

/// The platforms that are wanted, sorted. Never empty once resolved: the default is the platform that the program runs
/// on. An empty set wants every platform.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platforms(pub Vec<Platform>);

impl Platform {
    /// A platform without a variant.
    pub fn new(os: impl Into<String>, arch: impl Into<String>) -> Self {
        Self {
            os: os.into(),
            arch: arch.into(),
            variant: String::new(),
        }
    }

    /// The platform that this program was built for, in the words of image indexes.
    pub fn of_this_program() -> Self {
        let os = match std::env::consts::OS {
            "macos" => "darwin",
            other => other,
        };
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            "powerpc64" => "ppc64",
            "loongarch64" => "loong64",
            other => other,
        };
        Self::new(os, arch)
    }
}

impl FromStr for Platform {
    type Err = InvalidPlatform;

    /// Reads `os/arch[/variant]`; white space around it is ignored.
    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        let mut parts = text.trim().splitn(3, '/');
        let (os, arch) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        // No platform has blanks in its name, and what is printed must read the same.
        if os.is_empty() || arch.is_empty() || text.trim().contains(char::is_whitespace) {
            return Err(InvalidPlatform {
                text: ForeignText::new(text),
            });
        }
        Ok(Self {
            variant: parts.next().unwrap_or("").to_owned(),
            ..Self::new(os, arch)
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.arch)?;
        if self.variant.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.variant)
        }
    }
}

impl Platforms {
    /// Reads the `platforms` of an image; an empty list is `default` alone. One entry that cannot be read is an error.
    pub fn parse<T: AsRef<str>>(texts: &[T], default: Platform) -> Result<Self, InvalidPlatform> {
        if texts.is_empty() {
            return Ok(Self(vec![default]));
        }
        let mut platforms = texts
            .iter()
            .map(|text| text.as_ref().parse())
            .collect::<Result<Vec<Platform>, _>>()?;
        platforms.sort();
        platforms.dedup();
        Ok(Self(platforms))
    }

    /// Every platform.
    pub fn any() -> Self {
        Self(Vec::new())
    }

    /// Whether an image for `candidate` is wanted: it is in the set exactly, or the set has it without its variant.
    pub fn wants(&self, candidate: &Platform) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|wanted| {
                wanted.os == candidate.os
                    && wanted.arch == candidate.arch
                    && (wanted.variant.is_empty() || wanted.variant == candidate.variant)
            })
    }
}

impl Default for Platforms {
    fn default() -> Self {
        Self(vec![Platform::of_this_program()])
    }
}

impl fmt::Display for Platforms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("any platform");
        }
        for (i, platform) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{platform}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_without_architecture_is_an_error() {
        for text in ["linux", "", "/", "linux/", "/amd64"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
        assert_eq!(
            " linux/arm/v7 ".parse::<Platform>().unwrap().to_string(),
            "linux/arm/v7"
        );
    }

    #[test]
    fn no_list_means_the_platform_of_the_program() {
        let none: [&str; 0] = [];
        let parsed = Platforms::parse(&none, Platform::of_this_program()).unwrap();
        assert_eq!(parsed, Platforms::default());
    }

    proptest! {
        #[test]
        fn a_printed_platform_reads_the_same(text in "[a-z]{1,5}/[a-z0-9]{1,5}(/[a-z0-9]{1,3})?|.*") {
            if let Ok(platform) = text.parse::<Platform>() {
                prop_assert_eq!(platform.to_string().parse::<Platform>(), Ok(platform));
            }
        }
    }
}
