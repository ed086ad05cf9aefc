import Primitives
import Testing

/// Counts how many objects exist.
private final class Tally {
  var count = 0
}

private final class Counted {
  let tally: Tally

  init(_ tally: Tally) {
    self.tally = tally
    tally.count += 1
  }

  deinit { tally.count -= 1 }
}

@Suite struct OwnedArrayTests {
  @Test("Elements are read and changed in place")
  func elements() {
    var array = OwnedArray([3, 1, 2])
    #expect(array.count == 3 && array.indices == 0..<3)
    array[1] += 40
    array[2] = 9
    #expect(array.indices.map { array[$0] } == [3, 41, 9])
    #expect(OwnedArray<Int>([]).indices.isEmpty)
  }

  @Test("Elements are released with the array, and replaced ones at once")
  func release() {
    let tally = Tally()
    do {
      var array = OwnedArray((0..<5).map { _ in Counted(tally) })
      #expect(tally.count == 5)
      array[2] = array[0]
      #expect(tally.count == 4 && array[2] === array[0])
    }
    #expect(tally.count == 0)
  }

  @Test("A growing array keeps its elements and releases each one once", arguments: [0, 1, 5])
  func growth(initial: Int) {
    let tally = Tally()
    do {
      var array = OwnedArray((0..<initial).map { _ in Counted(tally) })
      let first = initial > 0 ? array[0] : nil
      for _ in 0..<100 { array.append(Counted(tally)) }
      #expect(array.count == initial + 100 && tally.count == initial + 100)
      if let first { #expect(array[0] === first) }
    }
    #expect(tally.count == 0)
    var numbers = OwnedArray<Int>()
    for number in 0..<1_000 { numbers.append(number) }
    #expect(numbers.elements == Array(0..<1_000))
  }

  @Test("A position outside of the array traps", arguments: [-1, 3])
  func bounds(position: Int) async {
    await #expect(processExitsWith: .failure) { [position] in
      _ = OwnedArray([1, 2, 3])[position]
    }
  }
}
