// How records show themselves to people.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace zerobuffer::python {

/// `Name(field=value, …)` of every public property, in the order of the class.
template <class Class>
void def_repr(Class& type) {
  type.def("__repr__", [](const pybind11::object& self) {
    std::string fields;
    for (const pybind11::handle base :
         pybind11::module_::import("builtins").attr("reversed")(pybind11::type::of(self).attr("__mro__"))) {
      for (const auto& [name, value] :
           pybind11::cast<pybind11::dict>(pybind11::module_::import("builtins").attr("dict")(base.attr("__dict__")))) {
        if (PyObject_TypeCheck(value.ptr(), &PyProperty_Type) == 0) continue;
        fields += (fields.empty() ? "" : ", ") + pybind11::cast<std::string>(name) + "=" +
                  pybind11::cast<std::string>(pybind11::repr(self.attr(name)));
      }
    }
    return pybind11::cast<std::string>(pybind11::type::of(self).attr("__name__")) + "(" + fields + ")";
  });
}

}  // namespace zerobuffer::python
