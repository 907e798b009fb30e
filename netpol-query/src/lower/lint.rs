//! `lint` and `no lint`: where mistakes are looked for.

use super::region::Region;
use super::scope::Scope;
use crate::error::{ErrorCode, QueryError};
use crate::syntax::ast::{Endpoints, LintSeverity};

/// Which findings are meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LintPlan {
    /// Where; `None` for everywhere.
    pub within: Option<Region>,
    /// Of which severity; `None` for all.
    pub severity: Option<LintSeverity>,
}

impl Scope<'_> {
    /// Looks up where findings are asked for.
    pub(super) fn lint(
        &self,
        within: Option<&Endpoints>,
        severity: Option<LintSeverity>,
    ) -> Result<LintPlan, QueryError> {
        let Some(set) = within else { return Ok(LintPlan { within: None, severity }) };
        let region = self.within(set)?;
        if region.selection.pods.is_empty() && region.namespaces.is_empty() {
            let message = format!("`{set}` holds no pods and no namespace");
            return Err(QueryError::at(ErrorCode::NoSuchEndpoint, set.span, message));
        }
        Ok(LintPlan { within: Some(region), severity })
    }
}
