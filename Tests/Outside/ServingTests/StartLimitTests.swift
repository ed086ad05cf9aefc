import Replication
import Testing

@testable import Serving

@Test("A service waits for its nodes as long as one of them makes progress with its recovery")
func startLimit() {
  func at(_ seconds: Int64) -> Instant { .zero + .seconds(seconds) }
  var limit = StartLimit(.seconds(20), from: .zero)
  #expect(limit.time == at(20))
  limit.note([], at: at(1))
  #expect(limit.time == at(20))
  limit.note(["node 1: recovering, 256 records"], at: at(19))
  #expect(limit.time == at(39))
  // The same words again are no progress.
  limit.note(["node 1: recovering, 256 records"], at: at(30))
  #expect(limit.time == at(39))
  limit.note(["node 1: recovering, 512 records"], at: at(38))
  #expect(limit.time == at(58))
  // After the last step of its recovery a node still has to connect.
  limit.note([], at: at(50))
  #expect(limit.time == at(70))
}
