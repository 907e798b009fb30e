//! What a user calls each rule of the grammar. No name of a rule ever reaches a user: it has words here, or is hidden.

use super::parser::Rule;

/// How sentences begin.
pub(super) const VERBS: &str = "`can`, `why`, `who can reach`, `what can`, `flows`, `list`, `count`, `resolve`, \
                                `expect`, ... or `A -> B`";

pub(super) const ENDPOINT: &str =
    "an endpoint such as `frontend`, `ns/shop`, `[app=web]` or `10.0.0.0/8`";
const END: &str = "the end of the sentence";
pub(super) const PORTS: &str = "ports such as `tcp/80,8000-8080`, `443` or `any`";
const CHANGE: &str = "a change such as `delete netpol/x` or `label deploy/x a=b`";
const PIPES: &str = "`where`, `group by`, `sort by`, `limit`, `select`, `count` or `as`";
const NAME: &str = "a name such as `frontend` or `shop/frontend`";

/// What was expected at one place.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Phrases, without repetition.
    phrases: Vec<&'static str>,
    /// Whether a whole sentence was expected.
    pub(super) statement: bool,
    /// Whether an endpoint was expected.
    pub(super) endpoint: bool,
}

/// Turns rules into what a user would have typed.
pub(super) fn describe(rules: &[Rule]) -> Expected {
    let mut expected =
        Expected { statement: rules.iter().any(|r| begins_sentence(*r)), ..Expected::default() };
    for phrase in rules.iter().filter_map(|r| words(*r)) {
        if !expected.phrases.contains(&phrase) {
            expected.phrases.push(phrase);
        }
    }
    if let Some(end) = expected.phrases.iter().position(|p| *p == END) {
        expected.phrases.remove(end);
        expected.phrases.push(END);
    }
    expected.endpoint = expected.phrases.contains(&ENDPOINT);
    if expected.endpoint {
        // What an endpoint may begin with is said by the phrase.
        expected.phrases.retain(|p| !matches!(*p, "`(`" | "`not`" | NAME));
    }
    if expected.phrases.contains(&PIPES) {
        expected.phrases.retain(|p| !PIPES.contains(*p) || *p == PIPES);
    }
    if expected.phrases.contains(&PORTS) {
        expected
            .phrases
            .retain(|p| !matches!(*p, "`port`" | "`any`" | "a variable such as `$web`"));
    }
    expected
}

/// What can go on after almost anything, and so says little.
const CONNECTORS: &[&str] =
    &["`,`", "`->`", "`in`", "`and`", "`or`", "`except`", "`|`", "`as`", "`]`", "`is`"];

pub(super) const fn begins_sentence(rule: Rule) -> bool {
    matches!(rule, Rule::kw_why | Rule::chunk | Rule::sentence | Rule::can | Rule::list)
}

impl Expected {
    /// Lists the phrases as a sentence does; `None` where all is hidden.
    pub(super) fn list(&self) -> Option<String> {
        let telling = |p: &&str| !CONNECTORS.contains(p);
        let only_telling: Vec<_> = self.phrases.iter().copied().filter(telling).collect();
        let phrases = if only_telling.is_empty() { &self.phrases } else { &only_telling };
        let (last, rest) = phrases.split_last()?;
        Some(if rest.is_empty() {
            (*last).to_owned()
        } else {
            format!("{} or {last}", rest.join(", "))
        })
    }

    /// Finds the keyword that a misspelt word is closest to.
    pub(super) fn nearest(&self, word: &str) -> Option<&'static str> {
        let word = word.to_lowercase();
        let most = match word.chars().count() {
            0..=2 => return None,
            3..=4 => 1,
            _ => 2,
        };
        let pool = if self.statement { VERB_WORDS } else { &[] };
        let keywords = self.phrases.iter().filter(|p| p.starts_with('`'));
        keywords
            .flat_map(|p| p.split(['`', ' ']))
            .filter(|k| k.chars().all(|c| c.is_ascii_alphabetic()))
            .chain(pool.iter().copied())
            .map(|k| (strsim::osa_distance(&word, k), k))
            .filter(|(distance, _)| (1..=most).contains(distance))
            .min()
            .map(|(_, k)| k)
    }
}

pub(super) const VERB_WORDS: &[&str] = &[
    "can",
    "is",
    "why",
    "explain",
    "who",
    "what",
    "paths",
    "shortest",
    "blast",
    "exposure",
    "matrix",
    "policies",
    "resolve",
    "count",
    "list",
    "show",
    "flows",
    "denied",
    "expect",
    "assert",
    "warn",
    "diff",
    "lint",
    "export",
    "let",
    "define",
    "use",
    "test",
    "with",
    "apply",
    "delete",
    "label",
    "unlabel",
    "scale",
    "add",
    "allow",
    "isolate",
    "compromise",
    "pods",
    "workloads",
    "namespaces",
    "services",
    "unprotected",
    "nodes",
];

/// The words for one rule; `None` where it says nothing to a user.
#[rustfmt::skip]
pub(super) const fn words(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::EOI => END,
        Rule::sentence | Rule::test_block => "a sentence",

        Rule::endpoints | Rule::union | Rule::intersection | Rule::unary | Rule::group | Rule::endpoint
        | Rule::word_endpoint | Rule::word | Rule::fqdn | Rule::cidr | Rule::ip_range | Rule::ip
        | Rule::target => ENDPOINT,
        Rule::path | Rule::part | Rule::part_name | Rule::plain_name => ENDPOINT,
        Rule::scope => "a namespace such as `shop` or `ns[env=prod]`",
        Rule::variable => "a variable such as `$web`",
        Rule::port_suffix => return None,
        Rule::selector => return None,
        Rule::requirement | Rule::absent | Rule::set_requirement | Rule::equality => {
            "a label such as `app=web`, `tier in (a,b)` or `!legacy`"
        }
        Rule::key => "a label key",
        Rule::value | Rule::plain_value => "a label value",
        Rule::set_operator | Rule::kw_notin => "`notin`",
        Rule::equality_sign => "`=`",

        Rule::on => "`on`",
        Rule::ports | Rule::any_port | Rule::protocol_port | Rule::port_range | Rule::port_name
        | Rule::protocol => PORTS,
        Rule::all_ports => "`*`",

        Rule::int => "a number",
        Rule::string => "a text between quotes",
        Rule::source | Rule::git_source | Rule::bare_path | Rule::range => "a path such as `./new.yaml` or `git:HEAD`",
        Rule::field => "a field such as `src.namespace`, `dst.name` or `ports`",
        Rule::field_value | Rule::bare_value => "a value",
        Rule::any_of | Rule::all_of | Rule::test => "a test such as `dst.namespace = pay`",
        Rule::compared | Rule::comparison | Rule::match_sign => "a comparison such as `=`, `!=`, `<=` or `~`",
        Rule::in_values => "`in`",
        Rule::format => "a format such as `json`, `csv` or `markdown`",
        Rule::sort_order => "`asc` or `desc`",
        Rule::label_pair => "a label such as `app=web`",
        Rule::label_keys => "a label key",
        Rule::added_kind => "`pod` or `namespace`",
        Rule::exported => "`graph`, `matrix`, `policies`, `report` or `snapshot`",
        Rule::severity | Rule::severity_word => "`error`, `warning` or `note`",
        Rule::relation => "`for`, `selecting`, `allowing` or `blocking`",
        Rule::noun => "`pods`, `workloads`, `namespaces`, `services`, `policies`, `nodes` or `unprotected`",
        Rule::objects => "`pods`, `workloads`, `namespaces`, `services`, `policies`, `nodes` or `unprotected`",
        Rule::level => "`pod`, `workload` or `namespace`",
        Rule::direction => "`ingress` or `egress`",
        Rule::quantifier => return None,
        Rule::flow_verdict => return None,

        // Sentences: a user would have typed their first words, which are keywords below.
        Rule::can | Rule::is | Rule::arrow_question | Rule::why | Rule::who | Rule::what | Rule::paths
        | Rule::blast | Rule::exposure | Rule::matrix | Rule::policies | Rule::pods_of | Rule::resolve
        | Rule::count | Rule::list | Rule::define | Rule::use_sentence | Rule::expect | Rule::what_if
        | Rule::diff | Rule::lint | Rule::export | Rule::with_clause | Rule::change_sentence => return None,
        Rule::why_is | Rule::why_can => ENDPOINT,
        Rule::flows | Rule::none_flows => "`flows`",
        Rule::none_path => "`path`",
        Rule::none_lint => "`lint`",
        Rule::none_unprotected => "`unprotected`",
        Rule::claim_only => "`only`",
        Rule::claim_none => "`no`",
        Rule::claim_count => "`count`",
        Rule::claim_reach => ENDPOINT,
        Rule::if_any => "`if any`",
        Rule::because => "`because \"...\"`",
        Rule::from_part => "`from`",
        Rule::to_part => "`to`",
        Rule::within => "`in`",
        Rule::max_hops => "`max`",
        Rule::via => "`via`",
        Rule::avoiding => "`avoiding`",
        Rule::defined_ports => "`ports`",
        Rule::used_namespace => "`namespace`",
        Rule::apply | Rule::delete | Rule::unlabel | Rule::label | Rule::scale | Rule::add | Rule::allow
        | Rule::isolate | Rule::compromise => CHANGE,
        Rule::p_where | Rule::p_group | Rule::p_sort | Rule::p_limit | Rule::p_select | Rule::p_count
        | Rule::p_as => PIPES,

        // Signs.
        Rule::question_mark => return None,
        Rule::sep => return None,
        Rule::comma => "`,`",
        Rule::colon => "`:`",
        Rule::bar => "`|`",
        Rule::equals => "`=`",
        Rule::ampersand => return None,
        Rule::dots => return None,
        Rule::open_paren => "`(`",
        Rule::close_paren => "`)`",
        Rule::open_bracket => return None,
        Rule::close_bracket => "`]`",
        Rule::open_brace => "`{`",
        Rule::close_brace => "`}`",
        Rule::arrow => "`->`",

        // Keywords.
        Rule::reach => "`reach`",
        Rule::cannot => "`cannot`",
        Rule::negation => "`not`",
        Rule::eventually => "`eventually`",
        Rule::shortest => "`shortest`",
        Rule::exactly => "`exactly`",
        Rule::kw_can => "`can`",
        Rule::kw_is => "`is`",
        Rule::kw_reachable => "`reachable`",
        Rule::kw_from => "`from`",
        Rule::kw_to => "`to`",
        Rule::kw_by => "`by`",
        Rule::kw_in => "`in`",
        Rule::kw_of => "`of`",
        Rule::kw_for => "`for`",
        Rule::kw_on => "`on`",
        Rule::kw_over => return None,
        Rule::kw_ports => "`port`",
        Rule::kw_why => "`why`",
        Rule::kw_explain => "`explain`",
        Rule::kw_who => "`who`",
        Rule::kw_what => "`what`",
        Rule::kw_if => "`if`",
        Rule::kw_any => "`any`",
        Rule::kw_all => "`all`",
        Rule::kw_some => "`some`",
        Rule::kw_paths => "`paths`",
        Rule::kw_path => "`path`",
        Rule::kw_blast => "`blast`",
        Rule::kw_radius => "`radius`",
        Rule::kw_exposure => "`exposure`",
        Rule::kw_max => "`max`",
        Rule::kw_hops => "`hops`",
        Rule::kw_via => "`via`",
        Rule::kw_avoiding => "`avoiding`",
        Rule::kw_matrix => "`matrix`",
        Rule::kw_policies => "`policies`",
        Rule::kw_pods => "`pods`",
        Rule::kw_resolve => "`resolve`",
        Rule::kw_count => "`count`",
        Rule::kw_list => "`list`",
        Rule::kw_show => "`show`",
        Rule::kw_flows => "`flows`",
        Rule::kw_expect => "`expect`",
        Rule::kw_assert => "`assert`",
        Rule::kw_warn => "`warn`",
        Rule::kw_only => "`only`",
        Rule::kw_no => "`no`",
        Rule::kw_lint => "`lint`",
        Rule::kw_unprotected => "`unprotected`",
        Rule::kw_because => "`because`",
        Rule::kw_with => "`with`",
        Rule::kw_apply => "`apply`",
        Rule::kw_delete => "`delete`",
        Rule::kw_unlabel => "`unlabel`",
        Rule::kw_label => "`label`",
        Rule::kw_scale => "`scale`",
        Rule::kw_add => "`add`",
        Rule::kw_pod => "`pod`",
        Rule::kw_namespace => "`namespace`",
        Rule::kw_labels => "`labels`",
        Rule::kw_allow => "`allow`",
        Rule::kw_isolate => "`isolate`",
        Rule::kw_compromise => "`compromise`",
        Rule::kw_diff => "`diff`",
        Rule::kw_export => "`export`",
        Rule::kw_let => "`let`",
        Rule::kw_define => "`define`",
        Rule::kw_use => "`use`",
        Rule::kw_where => "`where`",
        Rule::kw_group => "`group by`",
        Rule::kw_sort => "`sort by`",
        Rule::kw_asc => "`asc`",
        Rule::kw_desc => "`desc`",
        Rule::kw_limit => "`limit`",
        Rule::kw_top => return None,
        Rule::kw_select => "`select`",
        Rule::kw_as => "`as`",
        Rule::kw_and => "`and`",
        Rule::kw_or => "`or`",
        Rule::kw_except => "`except`",
        Rule::kw_minus => return None,
        Rule::kw_test => "`test`",

        // Never tried on their own.
        Rule::WHITESPACE | Rule::COMMENT | Rule::chunk | Rule::statement | Rule::path_option | Rule::listable
        | Rule::change | Rule::change_verb | Rule::source_start | Rule::pipe | Rule::primary | Rule::v4
        | Rule::v6 | Rule::glob_next | Rule::port_item | Rule::quoted | Rule::has_arrow | Rule::idc
        | Rule::reserved => return None,
    })
}
