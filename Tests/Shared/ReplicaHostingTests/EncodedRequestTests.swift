import Primitives
import ReplicaHosting
import Replication
import StateMachines
import Stubs
import Testing
import WireFormat

/// Tests requests that a host accepts as bytes.
@Suite struct EncodedRequestTests {
  typealias Store = ReplicaHost<ScriptedCore, KeyValueStore>

  func host() -> Store {
    Store(
      id: ReplicaID(0), membership: Membership(replicas: 1), options: ScriptedCore.Options(),
      seed: 1)
  }

  @Test("Encoded requests are treated like decoded ones", arguments: 0..<20 as Range<UInt64>)
  func sameAsDecoded(seed: UInt64) throws {
    var random = RandomStream(seed: seed)
    var hosts = [host(), host()]
    for turn in 0..<20 {
      for _ in 0..<random.below(10) {
        // Numbers also go back: to requests that were answered or given up.
        let request = Store.Request(
          id: RequestID(
            client: ClientID(UInt64(random.below(3))),
            sequence: UInt64(random.below(turn / 2 + 1) + 1)),
          command: random.chance(0.5)
            ? .get(Key("a")) : .put(Key("a"), value: Array("\(random.below(100))".utf8)))
        hosts[0].submit(request)
        var reader = WireReader(request.encoded())
        #expect(try hosts[1].submit(reading: &reader) == request.id)
      }
      for position in hosts.indices { turnOver(&hosts[position]) }
      #expect(hosts[0].replies == hosts[1].replies, "seed \(seed)")
      #expect(hosts[0].core.requested == hosts[1].core.requested, "seed \(seed)")
      #expect(hosts[0].snapshot() == hosts[1].snapshot(), "seed \(seed)")
      for position in hosts.indices { hosts[position].clearTurn() }
    }
  }

  /// Ends the turn, then commits and answers all requests that the core was handed in it.
  func turnOver(_ host: inout Store) {
    let before = host.core.requested.count
    host.endTurn(at: .zero)
    var index = host.appliedIndex
    for batch in host.core.requested[before...] {
      index = index.next
      host.effects.commit(batch, at: index, answering: true)
    }
    if let ticket = host.core.tickets.last { host.effects.read(ticket) }
    host.endTurn(at: .zero)
  }

  @Test("Malformed bytes are refused and change no state")
  func damage() {
    var host = host()
    let request = Store.Request(
      id: RequestID(client: ClientID(1), sequence: 1), command: .put(Key("a"), value: [5]))
    for bytes in [[1, 2, 3], request.encoded() + [0], request.encoded().dropLast()] as [[UInt8]] {
      var reader = WireReader(bytes)
      #expect(throws: WireError.self) { _ = try host.submit(reading: &reader) }
    }
    host.endTurn(at: .zero)
    #expect(host.core.requested.isEmpty && host.replies.isEmpty)
  }
}
