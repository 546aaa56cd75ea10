//! Anchors and tags in front of a node, and the directives that say what handles of tags stand for.

use super::Parser;
use crate::format::yaml::event::Properties;
use crate::format::yaml::resolve::short_tag;
use crate::format::yaml::scanner::Scan;
use crate::format::yaml::token::{Mark, TagText, TokenKind};

/// Longer prefixes of tags are refused, since a few bytes can stand for one again and again.
const PREFIX_LENGTH: usize = 256;

impl<'s> Parser<'s> {
    pub(super) fn process_directives(&mut self) -> Scan<()> {
        let mut has_version = false;
        loop {
            let token = self.peek()?;
            let mark = token.start;
            match token.kind {
                TokenKind::VersionDirective { .. } if has_version => {
                    return self.fail("there is a second %YAML directive", mark);
                }
                TokenKind::VersionDirective { major: 1, minor: 1 } => has_version = true,
                TokenKind::VersionDirective { .. } => {
                    return self.fail("only YAML 1.1 is read when %YAML is given", mark);
                }
                TokenKind::TagDirective(_) => {}
                _ => return Ok(()),
            }
            if let TokenKind::TagDirective(declared) = self.scanner.take().kind {
                let TagText { handle, rest: prefix } = *declared;
                if prefix.len() > PREFIX_LENGTH {
                    return self.fail("the prefix of this %TAG is longer than 256 bytes", mark);
                }
                if self.tag_prefixes.insert(handle, prefix).is_some() {
                    return self.fail("there is a second %TAG directive of that name", mark);
                }
            }
        }
    }

    /// Reads anchor and tag in either order; also returns where they end.
    pub(super) fn properties(&mut self) -> Scan<Option<(Box<Properties<'s>>, Mark)>> {
        let mut found: Option<(Box<Properties<'s>>, Mark)> = None;
        loop {
            let (has_anchor, has_tag) = match &found {
                Some((properties, _)) => (properties.anchor.is_some(), properties.tag.is_some()),
                None => (false, false),
            };
            match self.peek()?.kind {
                TokenKind::Anchor(_) if !has_anchor => {}
                TokenKind::Tag(_) if !has_tag => {}
                _ => return Ok(found),
            }
            let token = self.scanner.take();
            let (mut anchor, mut tag) = (None, None);
            match token.kind {
                TokenKind::Anchor(name) => anchor = Some(name),
                TokenKind::Tag(parts) => tag = Some(self.resolve_tag(*parts, token.start)?),
                _ => {}
            }
            let (properties, end) = found.get_or_insert_with(|| (Box::default(), token.end));
            properties.anchor = properties.anchor.or(anchor);
            properties.tag = properties.tag.take().or(tag);
            *end = token.end;
        }
    }

    /// The short form of a tag.
    fn resolve_tag(&self, tag: TagText<'s>, mark: Mark) -> Scan<Box<str>> {
        let TagText { handle, rest } = tag;
        match (self.tag_prefixes.get(handle), handle) {
            (_, "") => Ok(short_tag(&rest)),
            (Some(prefix), _) => Ok(short_tag(&format!("{prefix}{rest}"))),
            (None, "!" | "!!") => Ok(format!("{handle}{rest}").into()),
            (None, _) => self.fail("this tag's handle was never declared by %TAG", mark),
        }
    }
}
