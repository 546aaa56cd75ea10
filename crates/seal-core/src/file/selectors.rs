//! Rules compiled once per run: a release has one rule and thousands of envelopes.

use std::sync::{Arc, Mutex, PoisonError};

use crate::envelope::Rule;
use crate::select::{SelectError, Selector};

#[derive(Default)]
pub(crate) struct Selectors(Mutex<Vec<(Rule, Arc<Selector>)>>);

impl Selectors {
    pub(crate) fn compiled(&self, rule: &Rule) -> Result<Arc<Selector>, SelectError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, selector)) = known.iter().find(|(known, _)| known == rule) {
            return Ok(Arc::clone(selector));
        }
        let selector = Arc::new(Selector::new(rule)?);
        known.push((rule.clone(), Arc::clone(&selector)));
        Ok(selector)
    }
}
