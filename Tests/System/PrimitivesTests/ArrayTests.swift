import Primitives
import Testing

@Test("An emptied array has no elements and keeps its storage", arguments: [0, 1, 3, 4, 100])
func emptiedArray(count: Int) {
  var array = (0..<count).map { "\($0)" }
  let capacity = array.capacity
  array.empty()
  #expect(array.isEmpty && array.capacity == capacity)
  array.append("next")
  #expect(array == ["next"])
}

@Test("An array turned around has its elements in reverse", arguments: [0, 1, 2, 3, 100])
func turnedArray(count: Int) {
  var array = (0..<count).map { "\($0)" }
  let copy = array
  array.turnAround()
  #expect(array == copy.reversed() && copy.count == count)
}

@Test("An array takes over the elements of another one, behind its own", arguments: [0, 2, 100])
func takenElements(count: Int) {
  var array = (0..<count).map { "\($0)" }
  var other = ["a", "b", "c", "d"]
  array.takeElements(of: &other)
  #expect(other.isEmpty)
  #expect(array == (0..<count).map { "\($0)" } + ["a", "b", "c", "d"])
}
