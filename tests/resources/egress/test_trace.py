"""What strace writes is read as what it is: an attempt to reach another machine, or none."""

import pytest

from resources.egress.trace import read_trace

TRACE = """\
11<python> 1.5 connect(3, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT (No such file)
11<python> 1.6 connect(3, {sa_family=AF_UNIX, sun_path="/run/docker.sock"}, 110) = 0
12<dbt> 2.5 connect(4, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
12<dbt> 2.6 connect(4, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("0.0.0.0")}, 16) = 0
12<dbt> 2.7 connect(5, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), \
inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 0
12<dbt> 2.8 sendto(6, [{nlmsg_len=20}], 20, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 20
12<dbt> 2.9 connect(4, {sa_family=AF_UNSPEC, sa_data="\\0\\0"...}, 16) = 0
13<two words> 3.5 connect(7, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("198.18.0.1")}, 16 \
<unfinished ...>
14<python> 3.6 connect(3, {sa_family=AF_UNIX, sun_path="/run/late.sock"}, 110 <unfinished ...>
15<python> 3.7 sendmsg(8, {msg_name={sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), \
inet_pton(AF_INET6, "::ffff:9.9.9.9", &sin6_addr), sin6_scope_id=0}, msg_namelen=28}, 0) = 10
13<two words> 3.8 <... connect resumed>) = -1 ENETUNREACH (Network is unreachable)
14<python> 3.9 <... connect resumed>)     = 0
16<python> 4.0 sendto(9, ""..., 5, 0, {sa_family=AF_PACKET, sll_protocol=htons(ETH_P_IP), sll_ifindex=1}, 20) = 5
16<python> 4.1 sendto(9, ""..., 5, 0, NULL, 0) = 5
16<python> 4.1 sendto(9, 0x7f0000000001, 5, 0x8000 /* MSG_??? */, NULL, 0) = 5
16<python> 4.2 +++ exited with 0 +++
12<dbt> 4.3 +++ killed by SIGKILL +++
17<dlt> 4.4 connect(3, 0x7f0000000001, 16) = -1 EFAULT (Bad address)
17<dlt> 4.5 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=16, si_uid=0, si_status=0} ---
17<dlt> 4.6 --- stopped by SIGTTOU ---
18<dlt> 4.7 +++ superseded by execve in pid 17 +++
17<dlt> 4.8 ????( <unfinished ...>
17<dlt> 4.9 +++ killed by SIGKILL +++
18<dlt> 4.9 sendmsg(8, 0x7f0000000001, 0 <unfinished ...>
18<dlt> 4.9 <... sendmsg resumed>) = -1 EFAULT (Bad address)
18<dlt> 5.0 ???( <unfinished ...>
18<dlt> 5.1 +++ exited with 0 +++
"""


def test_what_leaves_the_machine_is_an_attempt_and_what_stays_is_none() -> None:
    trace = read_trace(TRACE.splitlines(keepends=True), {"198.18.0.1": "telemetry.example"})
    assert [(a.process, a.program, a.call, a.address, a.port, a.name) for a in trace.attempts] == [
        (13, "two words", "connect", "198.18.0.1", 443, "telemetry.example"),
        (15, "python", "sendmsg", "::ffff:9.9.9.9", 53, None),
        (16, "python", "sendto", "AF_PACKET", None, None),
    ]
    assert trace.unix_sockets == ["/run/docker.sock", "/run/late.sock"]
    assert trace.processes == 4
    assert trace.calls == {"connect": 9, "sendto": 4, "sendmsg": 2}
    assert [a.process for a in trace.without(13).attempts] == [15, 16]
    assert trace.unreadable == 0


@pytest.mark.parametrize(
    "line",
    [
        "strace: Can't fopen: No space left on device",
        "17<dlt> 4.4",
        "",
        "17<dlt> 4.4 connect(3, 0x7f0000000001, 16 <unfinished ...>\n17<dlt> 4.5 <... connect resumed>) = 0",
        "17<dlt> 4.4 connect(3, 0x7f0000000001, 16) = 0",
        '17<dlt> 4.4 sendto(9, ""..., 5, 0, 0x7f0000000001, 16) = 5',
        "17<dlt> 4.4 sendmsg(8, {msg_name=0x7f0000000001, msg_namelen=28}, 0) = 10",
        "19<dlt> 4.4 sendmmsg(8, 0x7f0000000001, 2, 0 <unfinished ...>",
        "17<dlt> 4.4 [ Process PID=17 runs in x32 mode. ]",
        "17<dlt> 4.4 ???( <unfinished ...>\n17<dlt> 4.5 <... connect resumed>) = 0",
        "19<dlt> 4.4 ???( <unfinished ...>",
    ],
)
def test_a_line_that_can_not_be_read_is_counted(line: str) -> None:
    trace = read_trace([*TRACE.splitlines(), *(line.splitlines() or [line]), "17<dlt> 5.0 +++ exited with 0 +++"], {})
    assert trace.unreadable == 1
