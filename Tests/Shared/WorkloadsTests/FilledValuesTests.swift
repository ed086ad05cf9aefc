import Histories
import Testing

@testable import Workloads

@Suite("Filled values")
struct FilledValuesTests {
  private static let sizes: [ValueSize] = [8, 9, 15, 16, 17, 100, 1000, .uniform(8...420)]

  @Test(
    "A value that was made here is recognised, and has the digest of its bytes", arguments: sizes)
  func recognised(size: ValueSize) {
    let values = FilledValues(size)
    let all = values.fixedSize.map { [$0] } ?? Array(8...size.upperBound)
    for size in all {
      for number: UInt64 in [0, 1, 0xFF, 0x100_0000_0003, .max] {
        let value = values.value(of: size, number: number)
        #expect(values.digest(of: value) == ValueDigest(value))
        #expect(values.digest(of: size, number: number) == ValueDigest(value))
      }
    }
  }

  @Test("A value in which any byte is another, or with another length, is not", arguments: sizes)
  func others(size: ValueSize) {
    let values = FilledValues(size)
    let value = values.value(of: min(size.upperBound, 120), number: 7)
    for position in value.indices {
      for bit in 0..<8 as Range<UInt8> {
        var changed = value
        changed[position] ^= 1 << bit
        #expect(values.digest(of: changed) == ValueDigest(changed))
      }
    }
    for count in 0..<value.count {
      let short = Array(value[..<count])
      #expect(values.digest(of: short) == ValueDigest(short))
    }
    let twice = value + values.value(of: size.upperBound, number: 8)
    #expect(values.digest(of: twice) == ValueDigest(twice))
  }
}
