import ProtocolList
import Replication
import Testing

@Suite("List of protocols") struct ProtocolKindTests {
  @Test("A name means one protocol")
  func names() {
    #expect(Set(ProtocolKind.allCases.map(\.name)).count == ProtocolKind.allCases.count)
    for kind in ProtocolKind.allCases { #expect(ProtocolKind(rawValue: kind.name) == kind) }
  }

  @Test("What is compared by default are all protocols that survive a failure, in the list's order")
  func comparison() {
    #expect(ProtocolKind.replicated == ProtocolKind.allCases.filter { $0 != .unreplicated })
    #expect(ProtocolKind.replicated.first == .raft)
  }

  @Test("An unanswered message is repeated no sooner in one protocol than in another")
  func leastPause() {
    for kind in ProtocolKind.replicated {
      let options = OptionValues(kind.options)
      let name = ["resend", "retransmission", "heartbeat"].first { name in
        kind.options.contains { $0.name == name }
      }
      #expect(name.map(options.interval) == ResendPace.usualLeast, "\(kind.name)")
    }
  }

  @Test("Replicas follow from what a protocol needs per failure; a baseline runs alone")
  func replicas() {
    #expect([0, 1, 2].map(ProtocolKind.raft.replicas(tolerating:)) == [1, 3, 5])
    #expect([0, 1, 2].map(ProtocolKind.chainReplication.replicas(tolerating:)) == [1, 2, 3])
    #expect(ProtocolKind.unreplicated.replicas(tolerating: 2) == 1)
    #expect(ProtocolKind.raft.replicas(asked: 5) == 5)
    #expect(ProtocolKind.unreplicated.membership(replicas: 5).nodeCount == 1)
    #expect(ProtocolKind.primaryBackup.membership(replicas: 2).nodeCount == 5)
  }
}
