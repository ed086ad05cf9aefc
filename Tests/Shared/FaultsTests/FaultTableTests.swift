import Faults
import Replication
import Testing

@Suite("Table of faults") struct FaultTableTests {
  private static let disks: [DiskFault] = [
    .slow(.milliseconds(1)), .stall, .error, .full, .bitRot,
  ]

  /// One action of every kind and variant that scripts can hold.
  private static let actions: [FaultAction] =
    DiskFate.allCases.map { .crash(.leader, disk: $0) }
    + disks.map { .disk(.leader, $0) } + [
      .pause(.leader), .slowCPU(.leader, factor: 2), .partition(.bridge),
      .link(.leader, LinkDegradation()), .clock(.leader, .drift(0.1)),
    ]

  @Test("Every action of a script has its kind in the table")
  func covered() {
    #expect(Set(Self.actions.map(\.kind)).union(["chaos"]) == Set(FaultTable.kinds))
  }

  @Test("The simulation refuses faults it cannot inject, with the reason, and accepts all others")
  func simulation() {
    let refused = Self.actions.filter { FaultTable.refusal(of: $0, by: .simulation) != nil }
    #expect(
      refused == [
        .disk(.leader, .error), .disk(.leader, .full), .disk(.leader, .bitRot),
      ])
    #expect(
      FaultTable.refusal(of: .disk(.leader, .full), by: .simulation)
        == "a full disk cannot be injected in the simulation")
    #expect(ChaosKind.allCases.allSatisfy { FaultTable.refusal(of: $0, by: .simulation) == nil })
  }

  @Test("Every fault can be injected into processes that the runner started")
  func ownProcesses() {
    #expect(Self.actions.allSatisfy { FaultTable.refusal(of: $0, by: .ownProcesses) == nil })
  }

  @Test("Processes started elsewhere are not killed, stopped or given a disk that ends them")
  func othersProcesses() {
    let refused = Self.actions.filter { FaultTable.refusal(of: $0, by: .othersProcesses) != nil }
    #expect(refused.count == DiskFate.allCases.count + 4)
    let chaos = ChaosKind.allCases.filter {
      FaultTable.refusal(of: $0, by: .othersProcesses) != nil
    }
    #expect(chaos == [.crash, .pause])
  }

  @Test("Kinds unknown to this version are refused in every runtime, with a reason")
  func missing() {
    for kind in ["add-replica", "remove-replica", "transfer-leadership"] {
      #expect(!FaultTable.kinds.contains(kind))
      for injector in FaultInjector.allCases {
        #expect(FaultTable.refusal(of: kind, by: injector) != nil)
      }
    }
  }
}
