import ChainReplication
import ProtocolTesting
import Replication
import Testing
import ViewService

@Suite("Random histories of views, crashes and messages")
struct RandomTests {
  /// What is wrong after a run of the seed, or `nil`.
  private func failure(seed: UInt64, bug: ChainReplica.Bug? = nil, steps: Int = 2000) -> String? {
    var world = ChainWorld(seed: seed, bug: bug)
    world.step(steps)
    let makesProgress = world.run.failure == nil && world.heals()
    return world.run.failure ?? (makesProgress ? nil : "no progress after the last fault")
  }

  @Test("Agreement, prefixes, nothing answered is lost, and progress after the last fault")
  func sweep() {
    for seed in 1...50 {
      let found = failure(seed: UInt64(seed))
      #expect(found == nil, "replay with ChainWorld(seed: \(seed))")
    }
  }

  @Test("The sweep sees views change, joiners become members, updates and reads succeed")
  func coverage() {
    var views: UInt64 = 0
    var committed = 0
    var reads = 0
    for seed in 1...5 {
      var world = ChainWorld(seed: UInt64(seed))
      world.step(3000)
      views += world.authority.view.number
      committed += world.run.witness.batches.count
      reads += world.run.readCount
    }
    #expect(views > 50 && committed > 200 && reads > 20)
  }

  @Test("The sweep finds every bug", arguments: ChainReplica.Bug.allCases)
  func findsBugs(bug: ChainReplica.Bug) {
    let found = (1...200).first { failure(seed: $0, bug: bug) != nil }
    #expect(found != nil)
  }
}
