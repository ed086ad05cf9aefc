import ClusterMessages
import Replication
import Stubs
import Testing

@testable import NodeRuntime

@Suite struct RequestStampsTests {
  private func id(_ sequence: UInt64) -> RequestID {
    RequestID(client: ClientID(2), sequence: sequence)
  }

  @Test("One of so many requests is stamped, and a report takes the stamps away")
  func oneOfMany() {
    var stamps = RequestStamps()
    #expect(!stamps.isOn)
    stamps.every = 3
    stamps.beginTurn(at: 10)
    for sequence in 0..<6 { stamps.noteTaken(id(UInt64(sequence)), at: 11) }
    stamps.noteSynced(handledAt: 12, at: 20)
    stamps.followsSync = true
    stamps.noteAnswered(id(1), at: 21)
    stamps.noteAnswered(id(2), at: 22)
    #expect(
      stamps.takeAll() == [
        RequestStamp(id(1), .taken, begin: 11, middle: 12, end: 20),
        RequestStamp(id(4), .taken, begin: 11, middle: 12, end: 20),
        RequestStamp(id(1), .answeredAfterSync, begin: 10, middle: 21, end: 21),
      ])
    #expect(stamps.takeAll().isEmpty)
    stamps.beginTurn(at: 30)
    stamps.noteAnswered(id(4), at: 31)
    #expect(
      stamps.takeAll() == [RequestStamp(id(4), .answered, begin: 30, middle: 31, end: 31)])
  }

  @Test("A node without reports keeps a limited number of stamps")
  func limit() {
    var stamps = RequestStamps()
    stamps.every = 1
    for sequence in 0..<RequestStamps.most + 5 {
      stamps.noteAnswered(id(UInt64(sequence)), at: 1)
    }
    #expect(stamps.takeAll().count == RequestStamps.most)
  }
}
