"""The supervisor: sessions from the pool, cells on its own clock, verdicts that no session can talk its way out of.

    state       what happens                                      next
    FORKING     the zygote forks it, it puts up its walls         POOLED
    POOLED      a caller wants a session                          LOADING
    LOADING     it decodes its pictures                           SETTLING
    SETTLING    it writes its input file                          IDLE (stopped by SIGSTOP)
    IDLE        a caller wants a cell run                         RUNNING
    RUNNING     it answers in time                                IDLE (below level 3 by way of COUNTING)
                time_s passes: SIGXCPU, then it answers           IDLE, verdict timeout
                grace_s more passes, or it sends nonsense         ENDING (SIGKILL)
    COUNTING    its many files are not over the caps, or          IDLE
                counting them takes too long
    ENDING      its process is gone                               reported, forgotten

Every wait has a deadline here. If the zygote dies, all its sessions are reported and a new one is started.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial

from codedance.errors import SandboxError
from codedance.sandbox import container, orphans, wire
from codedance.sandbox.guest import confine, identities, landlock, notify
from codedance.sandbox.guest.measure import Measured
from codedance.sandbox.guest.messages import (
    SOFT_INTERRUPT,
    Born,
    Cell,
    Close,
    Closed,
    Died,
    Failed,
    Hello,
    Load,
    Lost,
    Open,
    Opened,
    Ping,
    Pong,
    Ran,
    Ready,
    Run,
    Unborn,
    decode,
    encode,
)
from codedance.sandbox.isolation import Mechanism
from codedance.sandbox.supervisor import reply, verdict
from codedance.sandbox.supervisor.cgroup import Cgroup, OomKills, sweep, sweep_everywhere
from codedance.sandbox.supervisor.disk import Scratch
from codedance.sandbox.supervisor.held import pid_of
from codedance.sandbox.supervisor.notify import Broker
from codedance.sandbox.supervisor.orders import Orders
from codedance.sandbox.supervisor.trial import Trial
from codedance.sandbox.supervisor.uids import UidRange
from codedance.sandbox.supervisor.ward import State, Ward
from codedance.sandbox.supervisor.watch import Subject, TooMany, Watch
from codedance.sandbox.supervisor.zygote import Message, Zygote
from codedance.types import ExecStatus

_DEATH_S = 0.8
"""How long a killed process may take to be reported dead; then the caller is told anyway."""
_FORK_S = 15.0
_START_S = 120.0
"""A zygote that has not loaded its libraries by then is given up."""
_COUNT_S = 0.5
"""How long a cell's answer waits for its many files to be counted; then it is given, and the session ends later if need be."""
_MOST_FORKS_AT_ONCE = 4
_MOST_FAILED_STARTS = 3
_FEW_TASKS = 8
_MOST_STILLBORN = 5
_LEAST_MEMORY_MB = 32
"""With less nothing can be done in a session."""


class Supervisor:
    """All sessions of one caller."""

    def __init__(self, orders: Orders, caller: wire.Channel) -> None:
        self._orders = orders
        self._caps = orders.settings.caps
        self._caller = caller
        self._loop = asyncio.get_running_loop()
        self._wards: dict[int, Ward] = {}
        self._pool: deque[Ward] = deque()
        self._waiting: deque[tuple[Open, list[int]]] = deque()
        self._second_tries: set[int] = set()
        self._num_sessions = 0
        self._num_failed_starts = 0
        self._num_stillborn = 0
        self._ready: Ready | None = None
        self._greeted = False
        self._cgroup, self._no_cgroup = self._make_cgroup()
        self._oom_kills = OomKills(self._cgroup)
        self._scratch: Scratch | None = None
        self._watch: Watch | None = None
        self._broker: Broker | None = None
        self._has_pidfds = _pidfds_work()
        self._uids = UidRange.take()
        first_uid = self._uids.first if self._uids is not None else None
        self._trial = Trial(replace(orders.settings, first_uid=first_uid))
        self._zygote: Zygote | None = None
        self._start_timer: asyncio.TimerHandle | None = None
        self._start_zygote()

    def handle(self, data: memoryview, fds: list[int]) -> None:
        """One request of the caller."""
        message = decode(data, (Open, Run, Close, Ping))
        match message:
            case Open():
                self._waiting.append((message, fds))
                if self._zygote is None:
                    self._start_zygote()
                self._hand_out()
            case Run():
                self._run(message)
            case Close():
                self._close(message)
            case Ping():
                zygote = self._zygote.pid if self._zygote else 0
                live = sum(ward.state not in (State.FORKING, State.POOLED) for ward in self._wards.values())
                self._tell(Pong(message.ref, self._knows(message.about), live, len(self._pool), [os.getpid(), zygote]))

    def end(self) -> None:
        """Kill everything and leave nothing behind."""
        self._stop_zygote()
        for ward in self._wards.values():
            ward.close()
        if self._broker is not None:
            self._broker.end()
        if self._watch is not None:
            self._watch.close()
        if self._scratch is not None:
            self._scratch.close()
        if self._cgroup is not None:
            self._cgroup.remove()
        if self._uids is not None:
            self._uids.close()

    def _knows(self, ref: int) -> bool:
        refs = {request.ref for request, _ in self._waiting}
        for ward in self._wards.values():
            refs |= {ward.ref, ward.close_ref or 0, ward.early.ref if ward.early else 0}
        return ref in refs

    # -- the zygote ---------------------------------------------------------------------------------------------------

    def _make_cgroup(self) -> tuple[Cgroup | None, str | None]:
        if Mechanism.CGROUP in self._orders.settings.without:
            return None, "switched off by the caller"
        sweep()
        try:
            memory = self._orders.total_memory_mb << 20
            return Cgroup.create(f"codedance-{os.getpid()}", memory, self._orders.total_pids), None
        except OSError as error:
            return None, error.strerror

    def _start_zygote(self) -> None:
        self._ready = None
        try:
            self._zygote = Zygote(self._orders, self._trial.settings, self._cgroup, self._from_zygote, self._zygote_ended)
        except OSError as error:
            self._loop.call_soon(self._zygote_ended, f"{self._orders.python} cannot be started: {error.strerror}")
            return
        self._start_timer = self._loop.call_later(_START_S, self._zygote_ended, f"not ready after {_START_S:.0f} s")

    def _stop_zygote(self) -> None:
        if self._start_timer is not None:
            self._start_timer.cancel()
        if self._zygote is not None:
            self._zygote.end(at_once=self._ready is None)
            self._zygote = None
            orphans.end_adopted(own=[] if self._broker is None else [self._broker.pid])

    def _from_zygote(self, message: Message, fds: list[int]) -> None:
        match message:
            case Ready():
                self._zygote_ready(message)
            case Failed():
                if message.jailed and self._trial.measured is None:
                    self._try_less(f"{confine.NAMESPACES}: {message.reason}")
                else:
                    self._zygote_ended(message.reason)
            case Born():
                self._born(message.session, fds)
            case Unborn():
                if (ward := self._wards.get(message.session)) is not None:
                    self._bury(ward, f"its process could not be made: {message.reason}{_want_of_tasks()}")
            case Died():
                if (ward := self._wards.get(message.session)) is not None:
                    ward.is_dead = True
                    self._bury(ward, self._cause_of_death(ward, message.status))

    def _zygote_ready(self, ready: Ready) -> None:
        assert self._start_timer is not None
        self._start_timer.cancel()
        self._ready = ready
        in_force = {name for name, reason in ready.absent.items() if reason is None}
        if confine.needs_broker(in_force) and self._broker is None:  # before there are threads
            self._broker = Broker.start(self._orders.settings.roots, self._caps, self._broker_ended)
        if confine.NAMESPACES not in in_force:
            try:
                self._scratch = self._scratch or Scratch()
            except (OSError, SandboxError) as error:
                self._give_up(f"no directory for the sessions' files: {error}")
                return
            self._watch = self._watch or Watch(self._scratch.root, self._caps, self._over)
        if self._trial.measured is None:
            self._make_session(is_trial=True)
        else:
            self._refill()

    def _tried(self, ward: Ward, measured: Measured) -> None:
        """The walls hold what was measured: tell the caller, and make sessions."""
        if 0 <= measured.memory_mb < _LEAST_MEMORY_MB:
            self._give_up(f"a session would have {measured.memory_mb} MB of memory to grow into, fewer than {_LEAST_MEMORY_MB}")
            return
        self._trial.measured = measured
        ready = self._ready
        if ready is not None and not self._greeted:
            self._greeted = True
            absent = {**ready.absent, **self._trial.refused, Mechanism.CGROUP.value: self._no_cgroup}
            hello = Hello(absent, ready.landlock_abi, ready.versions, ready.unreadable, ready.spared, asdict(measured))
            self._tell(hello)
            if self._cgroup is not None:
                self._loop.run_in_executor(None, sweep_everywhere)
        self._kill(ward, ExecStatus.CRASHED, "it has measured its walls")
        self._refill()

    def _try_less(self, why: str) -> None:
        """No session came to life: start again without the mechanism that is to blame."""
        if not self._trial.blame(why):
            self._give_up(why)
            return
        self._stop_zygote()
        for ward in list(self._wards.values()):
            self._bury(ward, why)
        self._start_zygote()

    def _broker_ended(self) -> None:
        self._loop.call_exception_handler({"message": "the broker of the sessions' calls ended"})  # ends the supervisor

    def _zygote_ended(self, why: str) -> None:
        """All its sessions are gone with it; start another one, unless it never works."""
        self._stop_zygote()
        self._ready = None
        cause = verdict.NO_MEMORY if self._oom_kills.was_one() else f"the zygote process ended ({why})"
        for ward in list(self._wards.values()):
            self._bury(ward, cause)
        self._num_failed_starts += 1
        if self._num_failed_starts < _MOST_FAILED_STARTS:
            self._start_zygote()
            return
        self._num_failed_starts = 0  # the next request tries again
        self._give_up(why)

    def _give_up(self, why: str) -> None:
        if not self._greeted:
            self._greeted = True
            self._tell(Hello({}, 0, {}, fatal=why))
        self._fail_waiting(why)

    # -- the pool -----------------------------------------------------------------------------------------------------

    def _refill(self) -> None:
        if self._ready is None or self._zygote is None or self._trial.measured is None:
            return
        num_forking = sum(ward.state is State.FORKING for ward in self._wards.values())
        if self._num_stillborn >= _MOST_STILLBORN and not self._waiting:
            return
        wanted = self._orders.pool + len(self._waiting) - len(self._pool) - num_forking
        for _ in range(min(wanted, _MOST_FORKS_AT_ONCE - num_forking)):
            if not self._make_session():
                return

    def _make_session(self, is_trial: bool = False) -> bool:
        """Order one, if this process has what it takes."""
        assert self._zygote is not None
        session = self._next_session()
        uid = identities.session_uid(self._trial.settings.first_uid, session)
        try:
            work = self._scratch.make(session, uid) if self._scratch else None
            ward = Ward.create(session, self._caps, work)
        except OSError as error:  # descriptors, memory or disk of the machine
            why = f"the supervisor cannot make another session: {error.strerror}"
            if is_trial:
                self._give_up(why)
            else:
                self._fail_waiting(why)
            return False
        ward.is_trial = is_trial
        self._wards[session] = ward
        self._loop.add_reader(ward.channel, self._from_session, ward)
        self._after(ward, _FORK_S, self._not_born)
        self._zygote.fork(ward)
        return True

    def _next_session(self) -> int:
        """A number whose user id no living session has, as long as there are fewer of them than ids."""
        taken = {identities.uid_index(session) for session in self._wards}
        self._num_sessions += 1
        while len(taken) < identities.NUM_UIDS - 1 and identities.uid_index(self._num_sessions) in taken:
            self._num_sessions += 1
        return self._num_sessions

    def _born(self, session: int, fds: list[int]) -> None:
        assert self._zygote is not None
        send_signal = None if fds and self._has_pidfds else partial(self._zygote.signal, session)
        ward = self._wards.get(session)
        if ward is not None and ward.state is not State.ENDING:
            ward.pidfd, ward.send_signal = fds[0] if fds else None, send_signal
            self._pool_if_ready(ward)
            return
        if send_signal is not None:  # given up before it was born
            send_signal(signal.SIGKILL)
        else:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(fds[0], signal.SIGKILL)
        _close_all(fds)

    def _not_born(self, ward: Ward) -> None:
        if ward.is_trial:
            self._zygote_ended(f"its first session was not ready within {_FORK_S:g} s")
        elif not ward.is_born:
            self._zygote_ended(f"it did not fork within {_FORK_S:g} s")
        else:
            self._kill(ward, ExecStatus.CRASHED, "it did not start in time")

    def _hand_out(self) -> None:
        while self._waiting and self._pool:
            ward = self._pool.popleft()
            if ward.state is not State.POOLED:  # it died while it waited
                continue
            request, fds = ward.wish = self._waiting.popleft()
            ward.state, ward.ref = State.LOADING, request.ref
            late = f"decoding its pictures took more than {self._orders.open_s:g} s"
            self._after(ward, self._orders.open_s, self._kill, ExecStatus.TIMEOUT, late)
            load = encode(Load(ward.next_token(), request.images, request.originals, request.coordinates))
            if not wire.send_once(ward.channel, load, fds):
                self._kill(ward, ExecStatus.CRASHED, "it died in the pool")
                ward.verdict = None
        if not self._pool:
            self._refill()

    # -- a session ----------------------------------------------------------------------------------------------------

    def _from_session(self, ward: Ward) -> None:
        while (data := self._receive(ward)) is not None:
            if not data:
                self._loop.remove_reader(ward.channel)
                if ward.state in (State.IDLE, State.POOLED):
                    self._kill(ward, ExecStatus.CRASHED, "its process ended between two cells")
                else:  # most likely it died, and the zygote is about to say how
                    self._after(ward, _DEATH_S, self._kill, ExecStatus.PROTOCOL, "it closed its channel")
                return
            try:
                self._advance(ward, data)
            except reply.Forged as forged:
                self._kill(ward, ExecStatus.PROTOCOL, f"it sent something of its own to the supervisor ({forged})")
                return
            except Exception as error:  # boundary: whatever one session sends must not reach the others
                self._kill(ward, ExecStatus.CRASHED, f"the supervisor could not handle it: {error!r}")
                return

    def _receive(self, ward: Ward) -> bytes | None:
        """The next datagram; what the broker needs comes before any word, while no untrusted code runs, and goes to it."""
        if ward.state is not State.FORKING:
            return ward.receive()
        data, fds = ward.receive_descriptors()
        if data == notify.LISTENER and self._broker is not None and self._ready is not None:
            uid = identities.session_uid(self._trial.settings.first_uid, ward.session)
            self._broker.serve(ward, uid, fds, is_only_wall=self._ready.landlock_abi < landlock.ABI_THAT_GUARDS)
            _close_all(fds)
            return self._receive(ward)
        _close_all(fds)
        return data

    def _advance(self, ward: Ward, data: bytes) -> None:
        match ward.state:
            case State.FORKING if ward.is_trial:
                self._tried(ward, reply.parse_measured(data))
            case State.FORKING:
                reply.parse_word(data, "")
                ward.has_spoken = True
                self._pool_if_ready(ward)
            case State.LOADING:
                self._loaded(ward, reply.parse_loaded(data, ward.token))
            case State.SETTLING:
                reply.parse_word(data, "settled")
                self._settled(ward)
            case State.RUNNING:
                done = reply.parse_done(data, ward.token, reply.Room(ward.first_pixel, ward.outbox_bytes, self._caps))
                self._finish(ward, done)
            case State.ENDING:
                pass
            case State.POOLED | State.IDLE | State.COUNTING:
                raise reply.Forged("nobody had asked")

    def _pool_if_ready(self, ward: Ward) -> None:
        """Its own word and the zygote's come in any order."""
        if ward.state is not State.FORKING or not ward.has_spoken or not ward.is_born:
            return
        ward.cancel_timers()
        ward.state = State.POOLED
        self._num_stillborn = self._num_failed_starts = 0
        self._pool.append(ward)
        self._hand_out()

    def _loaded(self, ward: Ward, loaded: reply.Loaded) -> None:
        ward.cancel_timers()
        if loaded.bad is not None:
            self._tell(Opened(ward.ref, 0, [], bad=loaded.bad))
            ward.ref = 0
            self._kill(ward, ExecStatus.CRASHED, "its pictures were refused")
            return
        ward.state = State.SETTLING
        self._second_tries.discard(ward.ref)
        if ward.wish is not None:
            _close_all(ward.wish[1])
            ward.wish = None
        self._after(ward, self._orders.open_s, self._kill, ExecStatus.TIMEOUT, "writing its input file took too long")
        self._caller.send(encode(Opened(ward.ref, ward.session, loaded.sizes)), [ward.outbox])
        if not loaded.sizes:  # no picture, no input file
            self._settled(ward)

    def _settled(self, ward: Ward) -> None:
        ward.cancel_timers()
        ward.state = State.IDLE
        self._refill()  # only now: a fork would have slowed the decoding down
        if ward.early is None:
            ward.signal(signal.SIGSTOP)
        else:
            early, ward.early = ward.early, None
            self._run(early)

    def _run(self, request: Run) -> None:
        ward = self._wards.get(request.session)
        if ward is not None and ward.state is State.SETTLING:
            ward.early = request
            return
        if ward is not None and ward.state is State.IDLE:
            self._from_session(ward)  # whatever it sent unasked ends it here
        if ward is None or ward.state is not State.IDLE:
            self._tell(verdict.never_started(request.ref))
            return
        ward.state, ward.ref, ward.interrupted = State.RUNNING, request.ref, False
        ward.time_s, ward.grace_s = request.time_s, request.grace_s
        ward.rewind_output()
        ward.started = self._loop.time()
        self._after(ward, ward.time_s, self._interrupt)
        if self._watch is not None:
            self._watch.add(ward.session, self._subject(ward))
        ward.signal(signal.SIGCONT)
        if not wire.send_once(ward.channel, encode(Cell(ward.next_token(), request.code))):
            self._kill(ward, ExecStatus.PROTOCOL, "it stopped listening on its channel")

    def _interrupt(self, ward: Ward) -> None:
        ward.interrupted = True
        ward.signal(SOFT_INTERRUPT)
        self._after(ward, ward.grace_s, self._kill, ExecStatus.TIMEOUT, "it did not stop when interrupted")

    def _subject(self, ward: Ward) -> Subject:
        assert ward.work is not None
        pid = pid_of(ward.pidfd) if ward.pidfd is not None else None
        return Subject(ward.work, pid, identities.session_uid(self._trial.settings.first_uid, ward.session))

    def _over(self, session: int, excess: str) -> None:
        if (ward := self._wards.get(session)) is not None and ward.state is State.RUNNING:
            self._kill(ward, ExecStatus.CRASHED, excess)

    def _finish(self, ward: Ward, done: reply.Done) -> None:
        seconds = self._loop.time() - ward.started
        ward.cancel_timers()
        ward.state = State.COUNTING
        ward.signal(signal.SIGSTOP)
        seen = self._seen(ward, seconds)
        if self._watch is None:
            self._counted(ward, seen, done, None)
            return
        self._watch.remove(ward.session)
        try:
            self._counted(ward, seen, done, self._watch.quick(self._subject(ward)))
        except TooMany:
            self._after(ward, _COUNT_S, self._answer, seen, done)
            self._watch.ask(self._subject(ward), partial(self._counted, ward, seen, done))

    def _counted(self, ward: Ward, seen: verdict.Seen, done: reply.Done, excess: str | None) -> None:
        if ward.session not in self._wards:  # it died meanwhile
            return
        if excess is not None:
            self._kill(ward, ExecStatus.CRASHED, excess)
        elif ward.state is State.COUNTING:
            self._answer(ward, seen, done)

    def _answer(self, ward: Ward, seen: verdict.Seen, done: reply.Done) -> None:
        ward.cancel_timers()
        ward.state = State.IDLE
        self._tell(verdict.of_reply(seen, done))

    def _seen(self, ward: Ward, seconds: float) -> verdict.Seen:
        out, err, truncated = ward.collect_output()
        return verdict.Seen(ward.ref, seconds, out, err, truncated, ward.interrupted, ward.time_s)

    def _close(self, request: Close) -> None:
        ward = self._wards.get(request.session)
        if ward is None or ward.state not in (State.IDLE, State.SETTLING, State.RUNNING, State.COUNTING):
            self._tell(Closed(request.ref))
            return
        ward.close_ref = request.ref
        self._kill(ward, ExecStatus.CRASHED, "its session was closed")

    def _kill(self, ward: Ward, status: ExecStatus, why: str) -> None:
        if ward.state is State.ENDING:
            return
        ward.verdict = (status, why)
        ward.ended_in, ward.state = ward.state, State.ENDING
        ward.cancel_timers()
        ward.signal(signal.SIGKILL)
        self._after(ward, _DEATH_S, self._bury, why)

    def _bury(self, ward: Ward, cause: str) -> None:
        """Its process is gone (or as good as): tell whoever waits for it, and forget it."""
        if self._wards.pop(ward.session, None) is None:
            return
        if ward in self._pool:
            self._pool.remove(ward)
        cause = ward.verdict[1] if ward.verdict else cause
        match ward.ended_in or ward.state:
            case State.FORKING:
                self._stillborn(ward, cause)
            case State.LOADING if ward.ref:
                self._load_failed(ward, cause)
            case State.RUNNING | State.COUNTING:
                seen = self._seen(ward, self._loop.time() - ward.started)
                self._tell(verdict.of_death(seen, cause, ward.verdict))
            case State.IDLE | State.SETTLING if ward.close_ref is None:
                self._tell(Lost(ward.session, cause))
        if ward.early is not None:
            self._tell(verdict.never_started(ward.early.ref))
        if ward.close_ref is not None:
            self._tell(Closed(ward.close_ref))
        self._loop.remove_reader(ward.channel)
        if self._watch is not None:
            self._watch.remove(ward.session)
        if ward.work is not None and self._scratch is not None and ward.has_ended():
            self._scratch.remove(ward.work)  # else with the rest, at the end
        ward.close()
        self._refill()

    def _load_failed(self, ward: Ward, cause: str) -> None:
        """Pictures that took too long are at fault; a session that died over them may not be, so one more may try."""
        if ward.verdict is not None:
            self._tell(Opened(ward.ref, 0, [], bad=["the input images", cause]))
        elif ward.wish is not None and ward.ref not in self._second_tries:
            self._second_tries.add(ward.ref)
            self._waiting.appendleft(ward.wish)
            ward.wish = None
        else:
            self._second_tries.discard(ward.ref)
            self._tell(Opened(ward.ref, 0, [], failed=f"no session could take the input images: {cause}"))

    def _stillborn(self, ward: Ward, cause: str) -> None:
        """A session that never got behind its walls; if that happens again and again, say why instead of trying for ever."""
        why = ward.last_words() or cause
        if ward.is_trial:
            if self._trial.measured is None and self._ready is not None:
                self._try_less(why)
            return
        self._num_stillborn += 1
        if self._num_stillborn >= _MOST_STILLBORN and self._ready is not None:
            self._fail_waiting(why)

    def _fail_waiting(self, why: str) -> None:
        while self._waiting:
            request, fds = self._waiting.popleft()
            _close_all(fds)
            self._tell(Opened(request.ref, 0, [], failed=f"no session can be started: {why}"))

    def _cause_of_death(self, ward: Ward, status: int) -> str:
        cause = verdict.cause_of_death(status)
        by_kernel = ward.verdict is None and cause == verdict.KILLED and self._oom_kills.was_one()
        return verdict.NO_MEMORY if by_kernel else cause

    # -- small things -------------------------------------------------------------------------------------------------

    def _after(self, ward: Ward, seconds: float, action: Callable[..., None], *details: object) -> None:
        ward.timers.append(self._loop.call_later(seconds, action, ward, *details))

    def _tell(self, message: Hello | Opened | Ran | Closed | Lost | Pong) -> None:
        self._caller.send(encode(message))


def _pidfds_work() -> bool:
    """Whether the kernel has them and this container may use them."""
    try:
        fd = os.pidfd_open(os.getpid())
    except OSError:
        return False
    try:
        signal.pidfd_send_signal(fd, 0)  # no signal, only the question whether it may be sent
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _want_of_tasks() -> str:
    tasks = container.tasks()
    if tasks is None or tasks.free >= _FEW_TASKS:
        return ""
    return (
        f" ({tasks.most} processes and threads are allowed here by {tasks.by}, {max(0, tasks.free)} are free; raise that limit)"
    )


def _close_all(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
