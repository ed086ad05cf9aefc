import Primitives
import Replication
import Testing

@testable import ReplicaHosting

@Suite("Snapshots in pages")
struct SnapshotSendingTests {
  private static let reference = SnapshotReference(index: LogIndex(9), epoch: 2)
  private static let content = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

  private func sending() -> SnapshotSending {
    SnapshotSending(
      to: ReplicaID(1), Self.reference, totalByteCount: Self.content.count, pageByteCount: 100,
      at: .zero)
  }

  private func page(_ range: Range<Int>) -> SnapshotPage {
    SnapshotPage(
      reference: Self.reference, offset: range.lowerBound, totalByteCount: Self.content.count,
      bytes: Array(Self.content[range]))
  }

  private func pages(_ sending: inout SnapshotSending, at now: Instant) -> [Range<Int>] {
    var pages: [Range<Int>] = []
    while let page = sending.nextPage(at: now) { pages.append(page) }
    return pages
  }

  @Test("At most four pages are under way, each sent once")
  func window() {
    var sending = sending()
    #expect(pages(&sending, at: .zero) == [0..<100, 100..<200, 200..<300, 300..<400])
    // Asked again at once: pages under way are not sent twice.
    sending.askedAgain(at: .zero)
    #expect(pages(&sending, at: .zero).isEmpty)
    sending.received(offset: 100, through: 200, at: .zero)
    #expect(pages(&sending, at: .zero) == [400..<500, 500..<600])
    // An overtaken answer has no effect.
    sending.received(offset: 0, through: 100, at: .zero)
    #expect(pages(&sending, at: .zero).isEmpty)
  }

  @Test("After a silence one page is sent to learn the receiver's position; sending resumes there")
  func resumption() {
    var sending = sending()
    _ = pages(&sending, at: .zero)
    sending.received(offset: 100, through: 200, at: .zero)
    _ = pages(&sending, at: .zero)
    let later = Instant.zero + .seconds(1)
    sending.askedAgain(at: later)
    #expect(sending.nextPage(at: later) == 200..<300)
    // The receiver was restarted and has no bytes.
    sending.received(offset: 200, through: 0, at: later)
    #expect(pages(&sending, at: later).first == 0..<100)
  }

  @Test("With losses, duplicates and reordering the receiver still gets the snapshot")
  func unreliable() {
    for seed in 1...100 as ClosedRange<UInt64> {
      var random = RandomStream(seed: seed)
      var sending = sending()
      var receiving: SnapshotReceiving?
      var now = Instant.zero
      var wire: [SnapshotPage] = []
      var steps = 0
      while receiving?.isComplete != true {
        steps += 1
        guard steps < 10_000 else { break }
        while let range = sending.nextPage(at: now) { wire.append(page(range)) }
        if wire.isEmpty || random.chance(0.2) {
          now = now + .milliseconds(100)
          sending.askedAgain(at: now)
          continue
        }
        let next = wire.remove(at: random.below(wire.count))
        if random.chance(0.2) { continue }
        if random.chance(0.2) { wire.append(next) }
        // A restarted receiver has lost all pages.
        if random.chance(0.01) { receiving = nil }
        if receiving == nil { receiving = SnapshotReceiving(next, from: ReplicaID(0)) }
        receiving?.take(next)
        if random.chance(0.8) {
          sending.received(offset: next.offset, through: receiving!.bytes.count, at: now)
        }
      }
      #expect(receiving?.bytes == Self.content, "seed \(seed)")
    }
  }

  @Test("Pages of another sender or of another snapshot are not accepted")
  func foreign() {
    let receiving = SnapshotReceiving(page(0..<100), from: ReplicaID(0))
    #expect(receiving.belongs(page(100..<200), from: ReplicaID(0)))
    #expect(!receiving.belongs(page(100..<200), from: ReplicaID(2)))
    var other = page(100..<200)
    other.reference.index = LogIndex(10)
    #expect(!receiving.belongs(other, from: ReplicaID(0)))
  }
}
