//! The raw functions behind the audits of `PVE::Native::Image`.

#[perlmod::package(name = "PVE::Native::RS::Audit", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::chain::{self, Audit};

    use crate::args::{bounds, required};
    use crate::failure::Failure;
    use crate::image::Answer;
    use crate::policy::policy;

    /// Function: what an audit finds.
    #[export(serialize_error)]
    fn audit(
        #[raw] path: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
        #[raw] settings: Value,
    ) -> Result<Answer<Audit>, Failure> {
        let (settings, bounds) = (policy(&settings)?, bounds(&seconds, &limits)?);
        let path = required("path", &path)?;
        Ok(Answer(chain::audit(path, &settings, bounds)?))
    }

    /// Function: the same; the first finding that forbids the use of the chain is an error.
    #[export(serialize_error)]
    fn audit_or_die(
        #[raw] path: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
        #[raw] settings: Value,
    ) -> Result<Answer<Audit>, Failure> {
        let (settings, bounds) = (policy(&settings)?, bounds(&seconds, &limits)?);
        let path = required("path", &path)?;
        let audit = chain::audit(path, &settings, bounds)?;
        Ok(Answer(audit.or_error()?))
    }
}
