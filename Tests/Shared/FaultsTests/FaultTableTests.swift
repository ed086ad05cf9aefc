import Faults
import Replication
import Testing

@Suite("Table of faults") struct FaultTableTests {
  private static let disks: [DiskFault] = [
    .slow(.milliseconds(1)), .stall, .error, .full, .bitRot,
  ]

  /// One of every kind and variant that scripts can hold.
  private static let actions: [FaultAction] =
    DiskFate.allCases.map { .crash(.leader, disk: $0) }
    + disks.map { .disk(.leader, $0) } + [
      .pause(.leader), .slowCPU(.leader, factor: 2), .partition(.bridge),
      .link(.leader, LinkDegradation()), .clock(.leader, .drift(0.1)),
    ]

  @Test("Every action that a script can hold has its kind in the table")
  func covered() {
    #expect(Set(Self.actions.map(\.kind)).union(["chaos"]) == Set(FaultTable.kinds))
  }

  @Test("What the simulation cannot inject is refused with its reason, all else is not")
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

  @Test("Into processes that the runner started everything can be injected")
  func ownProcesses() {
    #expect(Self.actions.allSatisfy { FaultTable.refusal(of: $0, by: .ownProcesses) == nil })
  }

  @Test("Processes of others are not killed, stopped or given a disk that ends them")
  func othersProcesses() {
    let refused = Self.actions.filter { FaultTable.refusal(of: $0, by: .othersProcesses) != nil }
    #expect(refused.count == DiskFate.allCases.count + 4)
    let chaos = ChaosKind.allCases.filter {
      FaultTable.refusal(of: $0, by: .othersProcesses) != nil
    }
    #expect(chaos == [.crash, .pause])
  }

  @Test("Kinds that this version does not have are refused by all, with a reason")
  func missing() {
    for kind in ["add-replica", "remove-replica", "transfer-leadership"] {
      #expect(!FaultTable.kinds.contains(kind))
      for injector in FaultInjector.allCases {
        #expect(FaultTable.refusal(of: kind, by: injector) != nil)
      }
    }
  }
}
