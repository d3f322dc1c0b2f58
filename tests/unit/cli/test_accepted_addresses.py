"""What the configuration accepts as an address, the providers' own reading of addresses can use."""

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.config import ConfigError
from gateway.config.nodes import Node, Where
from gateway.config.values import base_url
from gateway.providers.address import parse_base_url

URLS = st.one_of(
    st.text(),
    st.builds(
        "{}://{}{}{}".format,
        st.sampled_from(["http", "https", "HTTP", "ftp"]),
        st.text(alphabet="ab1.-[]:@é%", min_size=1, max_size=12),
        st.sampled_from(["", ":1", ":0", ":65536", ":", ":x"]),
        st.text(alphabet="/a.?#%@:\\ é", max_size=8),
    ),
)


@given(url=URLS)
@example("http://[::1]:8000/v1/")
@example("https://a.example:/v1")
@example("HTTP://A.EXAMPLE")
def test_property_an_accepted_base_url_can_be_connected_to(url: str) -> None:
    try:
        accepted = base_url(Node(Where("f", 1, "base_url"), "text", url))
    except ConfigError:
        return
    parsed = parse_base_url(accepted)
    assert parsed.host
    assert 0 < parsed.port < 65_536
    assert "@" not in parsed.authority
