//! Lists, page by page.

use application::listing::{DEFAULT_LIMIT, Listing, MAX_LIMIT};
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::extract::Parameters;
use crate::problem::Problem;

/// Longest cursor, in bytes.
const MAX_CURSOR: usize = 2_048;

/// Which page of a list.
#[derive(Clone, Debug, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Where the page begins: the `next` of the page before.
    #[param(max_length = 2048)]
    pub cursor: Option<String>,
    /// Most entries of the page. A page may be shorter, even empty, and still have a `next`.
    #[param(minimum = 1, maximum = 250, default = 50, required = false)]
    pub limit: usize,
}

impl PageParams {
    /// Takes the page's parameters from all of them.
    pub(crate) fn take(parameters: &mut Parameters) -> Self {
        let in_bounds = |text: &str| match text.parse() {
            Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
            _ => Err(format!("must be a whole number between 1 and {MAX_LIMIT}")),
        };
        let limit = parameters.take("limit", in_bounds).unwrap_or(DEFAULT_LIMIT);
        let known = |text: &str| {
            let fits = (1..=MAX_CURSOR).contains(&text.len());
            if fits {
                Ok(text.to_owned())
            } else {
                Err("is not a cursor that this list has given out")
            }
        };
        Self {
            cursor: parameters.take("cursor", known),
            limit,
        }
    }

    /// The cursor, as use cases take it.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }
}

impl<S: Sync> FromRequestParts<S> for PageParams {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(parts);
        let page = Self::take(&mut parameters);
        parameters.end()?;
        Ok(page)
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The entries.
    #[schema(max_items = 250)]
    pub data: Vec<T>,
    /// The cursor of the next page; null at the end of the list.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of other entries, made from those of a listing.
    pub fn of<U>(listing: Listing<U>, make: impl FnMut(U) -> T) -> axum::Json<Self> {
        let Listing { data, next } = listing.map(make);
        axum::Json(Self { data, next })
    }
}
