import Primitives
import Replication
import StateMachines
import Stubs
import Testing

@testable import ReplicaHosting

@Suite struct PendingRequestTests {
  typealias Host = ReplicaHost<ScriptedCore, Counter>
  typealias Reply = ClientReply<UInt64>

  /// A replica that is in charge.
  func host() -> Host {
    var host = Host(
      id: ReplicaID(0), membership: Membership(replicas: 3), options: ScriptedCore.Options(),
      seed: 1)
    lead(&host, epoch: 1)
    return host
  }

  func lead(_ host: inout Host, epoch: UInt64, isInCharge: Bool = true) {
    host.core.status.epoch = epoch
    host.core.status.isInCharge = isInCharge
  }

  func id(_ client: UInt64, _ sequence: UInt64) -> RequestID {
    RequestID(client: ClientID(client), sequence: sequence)
  }

  /// Runs a turn with these requests and returns those that the core was handed.
  func turn(_ ids: [RequestID], on host: inout Host) -> [RequestID] {
    host.core.heard = []
    for id in ids { host.submit(Host.Request(id: id, command: .add(1))) }
    host.endTurn(at: .zero)
    host.clearTurn()
    return host.core.requested.flatMap(\.requestIDs)
  }

  @Test("A request that is repeated while it is pending is ordered once")
  func once() {
    var host = host()
    #expect(turn([id(1, 1), id(1, 1), id(2, 1)], on: &host) == [id(1, 1), id(2, 1)])
    #expect(turn([id(1, 1), id(2, 1)], on: &host).isEmpty)
    host.effects.commit(
      Batch([(id: id(1, 1), command: Counter.Command.add(1))]), at: LogIndex(1), answering: true)
    host.endTurn(at: .zero)
    #expect(host.replies == [Reply(id: id(1, 1), result: .answer(1))])
    host.clearTurn()
    // The answer may have been lost, so it is sent again.
    host.submit(Host.Request(id: id(1, 1), command: .add(1)))
    #expect(host.replies == [Reply(id: id(1, 1), result: .answer(1))])
  }

  @Test("A client's next request is ordered, and an earlier one that comes late is not")
  func goingOn() {
    var host = host()
    #expect(turn([id(1, 1)], on: &host) == [id(1, 1)])
    #expect(turn([id(1, 2)], on: &host) == [id(1, 2)])
    #expect(turn([id(1, 1)], on: &host).isEmpty)
  }

  @Test("A request that the core refused is handed over when it is repeated")
  func refused() {
    var host = host()
    #expect(turn([id(1, 1), id(2, 1)], on: &host) == [id(1, 1), id(2, 1)])
    host.effects.refuse(host.core.requested[0], redirect: nil)
    host.endTurn(at: .zero)
    host.clearTurn()
    #expect(turn([id(1, 1)], on: &host) == [id(1, 1)])
  }

  @Test("In a later epoch no request is pending, because entries of an earlier one may be lost")
  func laterEpoch() {
    var host = host()
    #expect(turn([id(1, 1)], on: &host) == [id(1, 1)])
    lead(&host, epoch: 3)
    #expect(turn([id(1, 1)], on: &host) == [id(1, 1)])
    #expect(turn([id(1, 1)], on: &host).isEmpty)
  }

  @Test("The secret keys all tables of clients' numbers, in later epochs as well")
  func hashSecret() {
    var host = host()
    let secret = FlatHashSecret(3, 5 << 40 | 7)
    host.useHashSecret(secret)
    for epoch in [1, 3] as [UInt64] {
      lead(&host, epoch: epoch)
      #expect(turn([id(1, epoch)], on: &host) == [id(1, epoch)])
      #expect(host.sessions.sessions.secret == secret)
      #expect(host.pending.sequences.secret == secret)
      #expect(host.admission.updates.secret == secret && host.admission.reads.secret == secret)
    }
  }

  @Test("A replica that is not in charge has no pending requests, because its core refuses updates")
  func notInCharge() {
    var host = host()
    lead(&host, epoch: 1, isInCharge: false)
    #expect(turn([id(1, 1)], on: &host) == [id(1, 1)])
    #expect(turn([id(1, 1)], on: &host) == [id(1, 1)])
  }

  @Test("While a disk that shares no sync is behind, updates gather in one batch; none is lost")
  func held() {
    var host = host()
    #expect(turn([id(1, 1)], on: &host) == [id(1, 1)])
    host.holdsUpdates = true
    #expect(turn([id(2, 1)], on: &host).isEmpty)
    // A repetition is not ordered twice.
    #expect(turn([id(2, 1), id(3, 1)], on: &host).isEmpty && host.hasUpdates)
    host.holdsUpdates = false
    #expect(turn([id(4, 1)], on: &host) == [id(2, 1), id(3, 1), id(4, 1)])
    #expect(host.core.requested.count == 1)
    // A replica that is no longer in charge refuses what it held.
    host.holdsUpdates = true
    #expect(turn([id(5, 1)], on: &host).isEmpty)
    lead(&host, epoch: 1, isInCharge: false)
    #expect(turn([], on: &host) == [id(5, 1)])
  }
}
