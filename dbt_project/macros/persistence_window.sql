{#- Days without a record after which an era is over: OHDSI's convention for condition, drug and dose eras. -#}
{% macro persistence_window() -%} 30 {%- endmacro %}
