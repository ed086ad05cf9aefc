import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import Unreplicated

/// The stories of a server without replication, to compare the others with.
@Suite("The unreplicated server, told in scenarios")
struct ScenarioTests {
  private var wording: Wording<UnreplicatedServer> {
    Wording(
      message: { message in
        switch message {
        case .durable(let index): "Durable: on my disk up to \(index)"
        }
      },
      record: { record in
        switch record {
        case .entry(let batch): "an entry: \(batch.words)"
        case .snapshot(let reference): "log begins behind entry \(reference.index)"
        }
      },
      timer: { _ in "no timer" }, status: { "a \($0.role)" })
  }

  @Test("A write, a crash in the middle of another, and what is left")
  func crash() {
    var story = Story(
      "Unreplicated: a write, and a crash in the middle of another", replicas: 1,
      options: UnreplicatedServer.Options(
        OptionValues(UnreplicatedServer.Options.declared)), wording: wording)
    story.say(
      "One server, A, with one disk. It answers a write when that is durable, which a message "
        + "to itself tells it.")
    story.propose(4, at: a)
    story.run()
    story.read(at: a)
    story.section("The server crashes before a write is durable")
    story.slowDisk(a)
    story.propose(5, at: a)
    story.run()
    story.say("The client has no answer yet, so x=5 may be lost, and it is.")
    story.crash(a)
    story.section("There is no service until the server is back")
    story.restart(a)
    story.say("It has everything that it ever acknowledged.")
    story.run()
    story.read(at: a)
    #expect(story.cluster.updates(a) == [4] && story.cluster.nodes[0].reads.count == 2)
    #expect(story.difference(from: "01-Crash") == nil)
  }
}
