import ClusterMessages
import Environments
import Glibc
import NodeBench
import NodeRuntime
import ReplicaHosting
import Replication
import Sockets
import StateMachines
import Stubs
import Testing
import WireFormat

/// Not a protocol: handling a message takes a millisecond, as if the process were stopped in it.
/// Records the time given with each event, and the end of the previous message.
private struct StallingCore: ReplicaCore {
  typealias Message = UInt64
  typealias Record = UInt64

  enum Timer: Int, TimerName, CaseIterable { case unused }

  struct Options: ProtocolOptions {
    static let declared: [OptionDeclaration] = []
    init(_ values: OptionValues) {}
  }

  struct Note {
    var isRead: Bool
    var toldAt: Instant
    /// Monotonic time; 0 if there was no previous message.
    var stalledUntil: Instant
  }

  var notes: [Note] = []
  private var stalledUntil = Instant.zero

  init(id: ReplicaID, membership: Membership, options: Options) {}

  mutating func recover(_ record: UInt64) {}

  mutating func handle(
    _ event: Event<StallingCore>, at now: Instant, into effects: inout Effects<StallingCore>
  ) {
    switch event {
    case .received:
      notes.append(Note(isRead: false, toldAt: now, stalledUntil: stalledUntil))
      let end = MonotonicClock.now() + .milliseconds(1)
      while MonotonicClock.now() < end {}
      stalledUntil = MonotonicClock.now()
    case .readRequested(let ticket, _):
      notes.append(Note(isRead: true, toldAt: now, stalledUntil: stalledUntil))
      effects.read(ticket)
    case .started, .timerFired, .requested, .disconnected: break
    }
  }

  var status: ReplicaStatus {
    ReplicaStatus(
      role: "stalling", isInCharge: true, epoch: 1, commitIndex: .zero, lastIndex: .zero)
  }

  func invariantViolation() -> String? { nil }
}

@Suite("Cluster node: the time of a turn") struct TurnTimeTests {
  @Test("No event gets a time before it was received, however long a turn takes")
  func timeOfInputs() throws {
    let plan = try Plan(nodes: 3)
    let seats = try plan.settings.map { try Seat<StallingCore, Counter>($0) }
    let caller = try Caller(plan.settings[0].endpoints[0])
    caller.say(plan.hello(.client), .hello)
    let all: [any Stepped] = [caller] + seats
    try waitFor("links", all) {
      let isLinked = seats[1...].allSatisfy { $0.node.peers[0].state == .open }
      return caller.isWelcome && isLinked ? true : nil
    }
    // Repeats until a turn of node 0 has two messages and a request. No connection ever has two
    // frames under way, because they could be read at once.
    for sequence in 1...1_000 as ClosedRange<UInt64> {
      for seat in seats[1...] {
        seat.node.send(1, to: ReplicaID(0))
        seat.node.flushAll()
      }
      caller.say(
        ClientRequest(
          id: RequestID(client: ClientID(1), sequence: sequence), command: Counter.Command.read),
        .request)
      try caller.step()
      let before = seats[0].node.host.core.notes.count
      try seats[0].step()
      if seats[0].node.host.core.notes.count == before + 3 { break }
      try #require(sequence < 1_000)
      try waitFor("inputs", all) { seats[0].node.host.core.notes.count == before + 3 ? true : nil }
    }
    let node = seats[0].node.clock
    for note in seats[0].node.host.core.notes {
      #expect(note.toldAt >= node.reading(at: note.stalledUntil) || note.stalledUntil == .zero)
    }
  }

  @Test("A node's time continues while its machine is suspended")
  func suspend() {
    func bootTime() -> Instant {
      var time = timespec()
      clock_gettime(CLOCK_BOOTTIME, &time)
      return .zero + .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }
    let before = bootTime()
    let reading = MonotonicClock.now()
    #expect(before <= reading && reading <= bootTime())
  }
}
