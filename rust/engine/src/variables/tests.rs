use super::{Fixed, NAMES, Variable};
use crate::variables::graphql::Part;
use crate::variables::read::arg;

#[test]
fn every_fixed_name_is_its_own_variable() {
    for (at, (name, fixed)) in NAMES.iter().enumerate() {
        assert_eq!(Variable::of(name), Variable::Fixed(*fixed));
        assert!(NAMES[..at].iter().all(|(other, _)| other != name), "{name} stands twice");
    }
    assert_eq!(Variable::of("query_string"), Variable::Fixed(Fixed::Args));
}

#[test]
fn prefixes_name_fields_parameters_and_cookies() {
    assert_eq!(Variable::of("http_x_tenant_id"), Variable::Http("x-tenant-id".into()));
    assert_eq!(Variable::of("http_host"), Variable::Http("host".into()));
    assert_eq!(Variable::of("arg_page_no"), Variable::Arg("page_no".into()));
    assert_eq!(Variable::of("cookie_sid"), Variable::Cookie("sid".into()));
    assert_eq!(Variable::of("uri_param_id"), Variable::UriParam("id".into()));
    assert_eq!(Variable::of("post_arg_name"), Variable::PostArg("name".into()));
    assert!(matches!(Variable::of("post_arg.a.b[0]"), Variable::PostPath(path) if path.len() == 3));
    assert_eq!(Variable::of("graphql_name"), Variable::Graphql(Part::Name));
    assert_eq!(Variable::of("graphql_other"), Variable::Unknown);
    assert_eq!(Variable::of("no_such_thing"), Variable::Unknown);
}

#[test]
fn the_first_parameter_of_a_name_counts() {
    let query = b"a=1&b&A=2&c=x=y&=e";
    assert_eq!(arg(query, b"a"), Some(&b"1"[..]));
    assert_eq!(arg(query, b"b"), Some(&b""[..]));
    assert_eq!(arg(query, b"c"), Some(&b"x=y"[..]));
    assert_eq!(arg(query, b"d"), None);
}
