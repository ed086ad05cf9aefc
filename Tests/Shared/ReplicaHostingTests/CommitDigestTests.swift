import Replication
import Testing

@testable import ReplicaHosting

@Suite struct CommitDigestTests {
  func digest(_ batches: [[RequestID]], from first: Int = 1) -> CommitDigest {
    var digest = CommitDigest()
    for (offset, batch) in batches.enumerated() {
      digest.note(batchOf: batch.count, at: LogIndex(first + offset))
      for id in batch { digest.note(id) }
    }
    return digest
  }

  func id(_ client: UInt64, _ sequence: UInt64) -> RequestID {
    RequestID(client: ClientID(client), sequence: sequence)
  }

  @Test("The digest depends on every request, on their order, on the batches and on the indices")
  func differences() {
    let base = [[id(1, 1), id(2, 1)], [id(1, 2)]]
    let others = [
      [],
      [[id(1, 1), id(2, 1)]],
      [[id(2, 1), id(1, 1)], [id(1, 2)]],
      [[id(1, 1)], [id(2, 1), id(1, 2)]],
      [[id(1, 1), id(2, 1)], [], [id(1, 2)]],
      [[id(1, 1), id(2, 1)], [id(2, 2)]],
      [[id(1, 1), id(2, 1)], [id(1, 3)]],
    ]
    let values = ([base] + others).map { digest($0).value } + [digest(base, from: 2).value]
    #expect(Set(values).count == values.count)
    #expect(digest(base) == digest(base))
  }

  @Test("Equal later requests never make different digests equal")
  func lasting() {
    var a = digest([[id(1, 1)]])
    var b = digest([[id(1, 1 << 63)]])
    for sequence in 0..<1000 as Range<UInt64> {
      a.note(id(7, sequence))
      b.note(id(7, sequence))
      #expect(a.state != b.state)
    }
    #expect(a.value != b.value)
  }
}
