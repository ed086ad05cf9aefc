import ProtocolTesting
import Replication
import Testing

@testable import ViewService

/// Members that cannot reach each other or receive no messages, and joiners without progress.
@Suite struct AccusationTests {
  private let limit = Scene.limit
  private let second = Interval.seconds(1)

  private func ids(_ numbers: [Int]) -> [ReplicaID] { numbers.map { ReplicaID($0) } }

  @Test("A member the first cannot reach gets no lease, and is removed when its last is over")
  func primaryAccuses() {
    var scene = scene([0, 1, 2])
    scene.live(3, hearing: [0, 1, 2])
    #expect(scene.lease[2] == .milliseconds(200))
    scene.unreachable = [0: [2], 2: [0]]
    scene.live(1, hearing: [0, 1, 2])
    scene.live(limit - 2, hearing: [0, 1, 2])
    #expect(scene.lease[2] == .zero && scene.lease[0] == .milliseconds(200))
    #expect(scene.viewCount == 0)
    scene.live(2, hearing: [0, 1, 2])
    #expect(scene.machine.view.members == ids([0, 1]))
  }

  @Test("An accusation that is taken back before the lease is over changes nothing")
  func accusationTakenBack() {
    var scene = scene([0, 1, 2])
    scene.live(3, hearing: [0, 1, 2])
    scene.unreachable = [0: [2]]
    scene.live(3, hearing: [0, 1, 2])
    scene.unreachable = [:]
    scene.live(3 * limit, hearing: [0, 1, 2])
    #expect(scene.viewCount == 0)
    #expect(scene.lease[2] == .milliseconds(200))
  }

  @Test("A first member that reaches none of several others is taken to be cut off itself")
  func primaryCutOff() {
    var scene = scene([0, 1, 2])
    scene.live(3, hearing: [0, 1, 2])
    scene.unreachable = [0: [1, 2]]
    scene.live(2 * limit, hearing: [0, 1, 2])
    #expect(scene.machine.view.members == ids([1, 2]))
  }

  @Test("An accusation in a report on an earlier view does not count")
  func earlierAccusation() {
    var scene = scene([0, 1, 2])
    for _ in 0..<3 * limit {
      scene.live(1, hearing: [1, 2])
      scene.hear(0, Report(view: 0, unreachable: [ReplicaID(2)]))
    }
    #expect(scene.viewCount == 0)
    #expect(scene.lease[2] == .milliseconds(200))
  }

  @Test("A replica outside the view gets no lease")
  func outsider() {
    var scene = scene([0, 1])
    scene.live(3, hearing: [0, 1, 2])
    #expect(scene.lease[1] == .milliseconds(200) && scene.lease[2] == .zero)
  }

  @Test("A backup's accusation of the first member does not count")
  func backupAccuses() {
    var scene = scene([0, 1, 2])
    scene.live(3, hearing: [0, 1, 2])
    scene.unreachable = [1: [0]]
    scene.live(3 * limit, hearing: [0, 1, 2])
    #expect(scene.viewCount == 0)
  }

  @Test("A chain whose neighbours cannot reach each other gets another order, and loses no member")
  func chainReorders() {
    var scene = scene([0, 1, 2], links: .alongChain)
    scene.live(3, hearing: [0, 1, 2])
    scene.unreachable = [0: [1]]
    scene.live(1, hearing: [0, 1, 2])
    #expect(scene.machine.view.members == ids([0, 2, 1]))
    scene.unreachable = [:]
    scene.live(2 * limit, hearing: [0, 1, 2])
    #expect(scene.viewCount == 1)
  }

  @Test("If no order works, a member is removed when its lease is over")
  func chainRemoves() {
    var scene = scene([0, 1, 2], links: .alongChain)
    scene.live(3, hearing: [0, 1, 2])
    scene.unreachable = [0: [1]]
    scene.live(1, hearing: [0, 1, 2])
    scene.unreachable = [0: [2]]
    scene.live(2, hearing: [0, 1, 2])
    #expect(scene.viewCount == 1)
    scene.live(limit + 2, hearing: [0, 1, 2])
    #expect(scene.viewCount == 2)
    #expect(scene.machine.view.members.count == 2)
    #expect(scene.machine.view.members != ids([0, 2]))
    var two = scene
    two.unreachable = [:]
    two.live(2 * limit, hearing: [0, 1, 2])
    #expect(two.viewCount == 2)
  }

  @Test("A member that sends but does not receive is removed once, and returns when it receives")
  func deafMember() {
    var scene = scene([0, 1, 2])
    scene.live(3, hearing: [0, 1, 2])
    scene.deaf = [2]
    scene.live(40 * limit, hearing: [0, 1, 2])
    #expect(scene.machine.view.members == ids([0, 1]))
    #expect(scene.machine.view.joiner == nil)
    #expect(scene.viewCount == 1)
    scene.deaf = []
    scene.live(2, hearing: [0, 1, 2])
    #expect(scene.machine.view.joiner == ReplicaID(2))
    #expect(scene.viewCount == 1)
  }

  @Test("A member that receives nothing is removed only when its last possible lease is over")
  func deafMemberWithLease() {
    var scene = scene([0, 1, 2])
    scene.live(3, hearing: [0, 1, 2])
    scene.deaf = [0]
    var sinceGrant = 0
    while scene.viewCount == 0, sinceGrant < 100 {
      scene.live(1, hearing: [0, 1, 2])
      sinceGrant = scene.lease[0] == .zero ? sinceGrant + 1 : 0
    }
    #expect(scene.machine.view.members == ids([1, 2]))
    #expect(sinceGrant >= limit)
  }

  @Test("A joiner that makes no progress gives way to another spare, and tries again later")
  func joinerRotates() {
    var scene = scene([0, 1], replicas: 4)
    scene.live(2, hearing: [0, 1, 2, 3])
    #expect(scene.machine.view.joiner == ReplicaID(2))
    scene.progress = 1
    scene.live(3 * limit - 1, hearing: [0, 1, 2, 3])
    #expect(scene.machine.view.joiner == ReplicaID(2))
    scene.live(2, hearing: [0, 1, 2, 3])
    #expect(scene.machine.view.joiner == ReplicaID(3))
    #expect(scene.viewCount == 0)
    scene.progress = 2
    for step in 3...30 as ClosedRange<UInt64> {
      scene.progress = step
      scene.live(limit, hearing: [0, 1, 2, 3])
    }
    #expect(scene.machine.view.joiner == ReplicaID(3))
  }

  @Test("A joiner that its feeder cannot reach gives way at once; alone, it keeps its place")
  func unreachableJoiner() {
    var scene = scene([0, 1], replicas: 4)
    scene.unreachable = [0: [2]]
    scene.live(3, hearing: [0, 1, 2])
    #expect(scene.machine.view.joiner == ReplicaID(2))
    scene.live(3, hearing: [0, 1, 2, 3])
    #expect(scene.machine.view.joiner == ReplicaID(3))
  }

  @Test("A spare that fails repeatedly waits twice as long each time")
  func backOff() {
    var scene = scene([0, 1])
    scene.live(2, hearing: [0, 1, 2])
    var waits: [Int] = []
    for _ in 0..<4 {
      scene.live(limit + 4, hearing: [0, 1])
      #expect(scene.machine.view.joiner == nil)
      var wait = 0
      while scene.machine.view.joiner == nil, wait < 1000 {
        scene.live(1, hearing: [0, 1, 2])
        wait += 1
      }
      waits.append(wait)
    }
    #expect(zip(waits.dropFirst(), waits).allSatisfy { $0 > $1 })
    #expect(waits[3] >= 6 * limit)
    #expect(scene.viewCount == 0)
  }
}
