-- modes: single stop continue
-- errors:
/* only comments; */ -- here
;;
 ; -- the end
